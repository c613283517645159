/** Names that users know from OVS and dp_flows cannot have: where each lives instead. */

const REGISTER = 'is scratch space while a packet goes through the OpenFlow tables, and a megaflow keeps nothing of it';
const RULE = 'is of OpenFlow rules, not of the megaflows made from them';
const TRACE = 'ovs-appctl ofproto/trace shows it';
const OFCTL = 'ovs-ofctl dump-flows shows it';

/** Pattern of the whole name, in lower case; what to say after it. */
const ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/^(xx|x)?reg[0-9]+$/, `${REGISTER}: ${TRACE}`],
  [/^metadata$/, `${REGISTER}: ${TRACE}`],
  [/^(actset_output|conj_id)$/, `${REGISTER}: ${TRACE}`],
  [
    /^tun_metadata[0-9]+$/,
    'is a name that an OpenFlow controller gives to a geneve option; here the first option is tun_geneve_class, tun_geneve_type, tun_geneve_data',
  ],
  [/^(table|table_id|priority|cookie|idle_timeout|hard_timeout|importance)$/, `${RULE}: ${OFCTL}`],
  [/^n_packets$/, `${RULE}: ${OFCTL}; a megaflow's own count is packets`],
  [/^n_bytes$/, `${RULE}: ${OFCTL}; a megaflow's own count is bytes`],
  [/^(duration|idle_age|hard_age)$/, `${RULE}: ${OFCTL}; the time since a megaflow's last packet is used`],
  [
    /^(ofp_port|in_port_oxm)$/,
    'is the number OpenFlow gives a port of one bridge, and the datapath does not know it: use in_port = NAME, or odp_port for the number of the datapath',
  ],
  [
    /^ifindex$/,
    "is the kernel's number of a network device, unrelated to the datapath's: use in_port = NAME, or odp_port",
  ],
  [
    /^(vm|iface_id|external_ids)$/,
    'is in the external_ids of OVSDB (ovs-vsctl list interface), not in the datapath: use in_port = NAME',
  ],
  [/^no_hw_reason$/, 'is not said by any source: hw says whether a flow is in hardware'],
  [
    /^(eth|ipv4|ct_tuple4|ct_tuple6|tunnel|vlan|encap|nd|nsh|icmpv6|mpls)$/,
    'is a key with parts, as dump-flows prints it: NAME(PART=VALUE,...); the parts have names of their own',
  ],
];

/** What to say of a name that is no field; undefined: nothing is known of it. */
export function elsewhere(name: string): string | undefined {
  return ELSEWHERE.find(([pattern]) => pattern.test(name))?.[1];
}

/** What a line of `ovs-ofctl dump-flows` says of a rule that is no match. */
export const isRuleData = (name: string): boolean =>
  /^(table|cookie|duration|n_packets|n_bytes|idle_age|hard_age|idle_timeout|hard_timeout|priority|importance|send_flow_rem|reset_counts|no_packet_counts|no_byte_counts)$/.test(
    name,
  );
