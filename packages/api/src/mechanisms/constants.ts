// SPDX-License-Identifier: Apache-2.0

/** Values of `Mechanism.cls`. */
export const MechanismClass = { LOCAL: "LOCAL", REMOTE: "REMOTE" } as const;

/** Values of `Mechanism.type`. */
export const MechanismType = {
  KERNEL: "KERNEL",
  MEMIF: "MEMIF",
  VFIO: "VFIO",
  VXLAN: "VXLAN",
  WIREGUARD: "WIREGUARD",
  IPSEC: "IPSEC",
  VLAN: "VLAN",
  SRV6: "SRV6",
  NOOP: "NOOP",
} as const;

const ENDS = { SRC_IP: "src_ip", DST_IP: "dst_ip", SRC_PORT: "src_port", DST_PORT: "dst_port" } as const;

/** Parameter keys of more than one mechanism (upstream api `mechanisms/common`). */
export const CommonParameter = {
  ...ENDS,
  ORIG_SRC_IP: "orig_src_ip",
  ORIG_DST_IP: "orig_dst_ip",
  NETNS_INODE: "netnsInode",
  INTERFACE_NAME: "name",
  INODE_URL: "inodeURL",
  PCI_ADDRESS: "pciAddress",
  TOKEN_ID: "tokenID",
  MTU: "MTU",
} as const;

/** Parameter keys of KERNEL. */
export const KernelParameter = {
  INODE_URL: "inodeURL",
  INTERFACE_NAME: "name",
  NETNS_INODE: "netnsInode",
  PCI_ADDRESS: "pciAddress",
  TOKEN_ID: "tokenID",
  SUPPORTS_VLAN: "supportsVlan",
  VLAN: "vlan",
  ROUTE_LOCAL_NET: "routeLocalNet",
  IPTABLES_NAT_TEMPLATE: "IPTables4NatTemplate",
} as const;

/** Parameter keys of MEMIF. */
export const MemifParameter = { SOCKET_FILE: "socketfile", INODE_URL: "inodeURL" } as const;

/** Parameter keys of VFIO. */
export const VfioParameter = {
  CGROUP_DIR: "cgroupDir",
  IOMMU_GROUP: "iommuGroup",
  PCI_ADDRESS: "pciAddress",
  TOKEN_ID: "tokenID",
  VFIO_MAJOR: "vfioMajor",
  VFIO_MINOR: "vfioMinor",
  DEVICE_MAJOR: "deviceMajor",
  DEVICE_MINOR: "deviceMinor",
} as const;

/** Parameter keys of VXLAN; the `ORIG_` ones are kept by proxies that translate addresses. */
export const VxlanParameter = {
  ...ENDS,
  ORIG_SRC_IP: "orig_src_ip",
  ORIG_DST_IP: "orig_dst_ip",
  VNI: "vni",
  MTU: "MTU",
} as const;

/** Parameter keys of WIREGUARD. */
export const WireguardParameter = {
  ...ENDS,
  SRC_PUBLIC_KEY: "src_public_key",
  DST_PUBLIC_KEY: "dst_public_key",
  MTU: "MTU",
} as const;

/** Parameter keys of IPSEC, those of WIREGUARD. */
export const IpsecParameter = WireguardParameter;

/** Parameter key of VLAN: 12 bits. */
export const VlanParameter = { VLAN_ID: "vlan-id" } as const;

/** Parameter keys of SRV6. */
export const Srv6Parameter = {
  SRC_HOST_IP: "src_host_ip",
  DST_HOST_IP: "dst_host_ip",
  SRC_BSID: "src_bsid",
  DST_BSID: "dst_bsid",
  SRC_LOCALSID: "src_localsid",
  DST_LOCALSID: "dst_localsid",
  SRC_HOST_LOCALSID: "src_host_localsid",
  DST_HOST_LOCALSID: "dst_host_localsid",
  SRC_HW_ADDR: "src_hw_addr",
  DST_HW_ADDR: "dst_hw_addr",
} as const;
