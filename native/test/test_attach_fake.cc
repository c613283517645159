#include "test/attach_support.h"

namespace cti::test {

std::vector<ovs::LayoutEntry> fake_layout_entries() {
  return {
      {"cmap.impl", 0, 8},
      {"cmap_bucket", 0, 64},
      {"cmap_bucket.counter", 0, 4},
      {"cmap_bucket.hashes", 4, 20},
      {"cmap_bucket.nodes", 24, 40},
      {"cmap_impl.buckets", 64, 64},
      {"cmap_impl.mask", 12, 4},
      {"cmap_impl.n", 0, 4},
      {"cmap_node.next", 0, 8},
      {"dp_netdev", 0, 576},
      {"dp_netdev.class", 0, 8},
      {"dp_netdev.conntrack", 480, 8},
      {"dp_netdev.name", 8, 8},
      {"dp_netdev.poll_threads", 320, 8},
      {"dp_netdev.ports", 88, 32},
      {"dp_netdev_actions.actions", 4, 0},
      {"dp_netdev_actions.size", 0, 4},
      {"dp_netdev_flow", 0, 1480},
      {"dp_netdev_flow.actions", 848, 8},
      {"dp_netdev_flow.cr", 872, 608},
      {"dp_netdev_flow.dead", 736, 1},
      {"dp_netdev_flow.dp_extra_info", 864, 8},
      {"dp_netdev_flow.flow", 0, 672},
      {"dp_netdev_flow.last_attrs", 832, 16},
      {"dp_netdev_flow.last_stats", 800, 32},
      {"dp_netdev_flow.mark", 740, 4},
      {"dp_netdev_flow.netdev_flow_get_result", 792, 4},
      {"dp_netdev_flow.node", 672, 8},
      {"dp_netdev_flow.pmd_id", 728, 4},
      {"dp_netdev_flow.ref_cnt", 732, 4},
      {"dp_netdev_flow.stats", 760, 32},
      {"dp_netdev_flow.ufid", 696, 16},
      {"dp_netdev_flow_attrs.dp_layer", 8, 8},
      {"dp_netdev_flow_attrs.offloaded", 0, 1},
      {"dp_netdev_flow_stats", 0, 32},
      {"dp_netdev_flow_stats.byte_count", 16, 8},
      {"dp_netdev_flow_stats.packet_count", 8, 8},
      {"dp_netdev_flow_stats.tcp_flags", 24, 2},
      {"dp_netdev_flow_stats.used", 0, 8},
      {"dp_netdev_port", 0, 152},
      {"dp_netdev_port.netdev", 16, 8},
      {"dp_netdev_port.node", 24, 16},
      {"dp_netdev_port.port_no", 0, 4},
      {"dp_netdev_port.type", 128, 8},
      {"dpcls_rule.flow", 16, 592},
      {"dpcls_rule.mask", 8, 8},
      {"dpif_class.type", 0, 8},
      {"flow", 0, 672},
      {"flow.arp_sha", 616, 6},
      {"flow.arp_tha", 622, 6},
      {"flow.ct_ipv6_dst", 576, 16},
      {"flow.ct_ipv6_src", 560, 16},
      {"flow.ct_label", 448, 16},
      {"flow.ct_mark", 440, 4},
      {"flow.ct_nw_dst", 524, 4},
      {"flow.ct_nw_proto", 437, 1},
      {"flow.ct_nw_src", 520, 4},
      {"flow.ct_state", 436, 1},
      {"flow.ct_tp_dst", 662, 2},
      {"flow.ct_tp_src", 660, 2},
      {"flow.ct_zone", 438, 2},
      {"flow.dl_dst", 472, 6},
      {"flow.dl_src", 478, 6},
      {"flow.dl_type", 484, 2},
      {"flow.dp_hash", 424, 4},
      {"flow.igmp_group_ip4", 664, 4},
      {"flow.in_port", 428, 4},
      {"flow.ipv6_dst", 544, 16},
      {"flow.ipv6_label", 592, 4},
      {"flow.ipv6_src", 528, 16},
      {"flow.mpls_lse", 496, 16},
      {"flow.nd_target", 600, 16},
      {"flow.nsh", 632, 24},
      {"flow.nw_dst", 516, 4},
      {"flow.nw_frag", 596, 1},
      {"flow.nw_proto", 599, 1},
      {"flow.nw_src", 512, 4},
      {"flow.nw_tos", 597, 1},
      {"flow.nw_ttl", 598, 1},
      {"flow.packet_type", 444, 4},
      {"flow.pkt_mark", 420, 4},
      {"flow.recirc_id", 432, 4},
      {"flow.skb_priority", 416, 4},
      {"flow.tcp_flags", 628, 2},
      {"flow.tp_dst", 658, 2},
      {"flow.tp_src", 656, 2},
      {"flow.tunnel", 0, 344},
      {"flow.vlans", 488, 8},
      {"flow_tnl.erspan_ver", 59, 1},
      {"flow_tnl.flags", 48, 2},
      {"flow_tnl.gbp_flags", 58, 1},
      {"flow_tnl.gbp_id", 56, 2},
      {"flow_tnl.gtpu_flags", 66, 1},
      {"flow_tnl.gtpu_msgtype", 67, 1},
      {"flow_tnl.ip_dst", 0, 4},
      {"flow_tnl.ip_src", 20, 4},
      {"flow_tnl.ip_tos", 50, 1},
      {"flow_tnl.ip_ttl", 51, 1},
      {"flow_tnl.ipv6_dst", 4, 16},
      {"flow_tnl.ipv6_src", 24, 16},
      {"flow_tnl.metadata", 72, 272},
      {"flow_tnl.tp_dst", 54, 2},
      {"flow_tnl.tp_src", 52, 2},
      {"flow_tnl.tun_id", 40, 8},
      {"hmap", 0, 32},
      {"hmap.buckets", 0, 8},
      {"hmap.mask", 16, 8},
      {"hmap.n", 24, 8},
      {"hmap.one", 8, 8},
      {"hmap_node.hash", 0, 8},
      {"hmap_node.next", 8, 8},
      {"miniflow", 0, 16},
      {"netdev.name", 0, 8},
      {"netdev_flow_key.buf", 24, 568},
      {"netdev_flow_key.hash", 0, 4},
      {"netdev_flow_key.len", 4, 4},
      {"netdev_flow_key.mf", 8, 16},
      {"ovs_key_nsh.context", 8, 16},
      {"ovs_key_nsh.flags", 0, 1},
      {"ovs_key_nsh.mdtype", 2, 1},
      {"ovs_key_nsh.np", 3, 1},
      {"ovs_key_nsh.path_hdr", 4, 4},
      {"ovs_key_nsh.ttl", 1, 1},
      {"pmd_counters.n", 0, 144},
      {"pmd_counters.zero", 144, 144},
      {"pmd_perf_stats.counters", 152, 288},
      {"shash_node", 0, 32},
      {"shash_node.data", 24, 8},
      {"shash_node.name", 16, 8},
      {"shash_node.node", 0, 16},
      {"tun_metadata.opts", 16, 256},
      {"tun_metadata.present", 0, 8},
      {"user_action_cookie", 0, 48},
      {"user_action_cookie.controller.continuation", 25, 1},
      {"user_action_cookie.controller.controller_id", 40, 2},
      {"user_action_cookie.controller.dont_send", 24, 1},
      {"user_action_cookie.controller.max_len", 42, 2},
      {"user_action_cookie.controller.reason", 26, 2},
      {"user_action_cookie.controller.recirc_id", 28, 4},
      {"user_action_cookie.controller.rule_cookie", 32, 8},
      {"user_action_cookie.flow_sample.collector_set_id", 28, 4},
      {"user_action_cookie.flow_sample.direction", 44, 4},
      {"user_action_cookie.flow_sample.obs_domain_id", 32, 4},
      {"user_action_cookie.flow_sample.obs_point_id", 36, 4},
      {"user_action_cookie.flow_sample.output_odp_port", 40, 4},
      {"user_action_cookie.flow_sample.probability", 24, 2},
      {"user_action_cookie.ipfix.output_odp_port", 24, 4},
      {"user_action_cookie.sflow.output", 28, 4},
      {"user_action_cookie.sflow.vlan_tci", 24, 2},
      {"user_action_cookie.slow_path.reason", 28, 4},
      {"user_action_cookie.type", 0, 2},
      {"dp_netdev_pmd_thread.dp", 0, 8},
      {"dp_netdev_pmd_thread.node", 8, 8},
      {"dp_netdev_pmd_thread.flow_table", 16, 8},
      {"dp_netdev_pmd_thread.classifiers", 24, 8},
      {"dp_netdev_pmd_thread.core_id", 32, 4},
      {"dp_netdev_pmd_thread.numa_id", 36, 4},
      {"ovs_action_attr.OVS_ACTION_ATTR_ADD_MPLS", 22, 4},
      {"ovs_action_attr.OVS_ACTION_ATTR_TUNNEL_PUSH", 23, 4},
      {"ovs_action_attr.OVS_ACTION_ATTR_TUNNEL_POP", 24, 4},
      {"ovs_action_attr.OVS_ACTION_ATTR_DROP", 25, 4},
      {"ovs_action_attr.OVS_ACTION_ATTR_LB_OUTPUT", 26, 4},
      {"user_action_cookie_type.USER_ACTION_COOKIE_SFLOW", 1, 4},
      {"user_action_cookie_type.USER_ACTION_COOKIE_SLOW_PATH", 2, 4},
      {"user_action_cookie_type.USER_ACTION_COOKIE_FLOW_SAMPLE", 3, 4},
      {"user_action_cookie_type.USER_ACTION_COOKIE_IPFIX", 4, 4},
      {"user_action_cookie_type.USER_ACTION_COOKIE_CONTROLLER", 5, 4},
      {"slow_path_reason.SLOW_CFM", 1, 4},
      {"slow_path_reason.SLOW_BFD", 2, 4},
      {"slow_path_reason.SLOW_LACP", 4, 4},
      {"slow_path_reason.SLOW_STP", 8, 4},
      {"slow_path_reason.SLOW_LLDP", 16, 4},
      {"slow_path_reason.SLOW_ACTION", 32, 4},
      {"slow_path_reason.SLOW_MATCH", 64, 4},
      {"pmd_stat_type.PMD_STAT_EXACT_HIT", 3, 4},
      {"pmd_stat_type.PMD_STAT_SMC_HIT", 4, 4},
      {"pmd_stat_type.PMD_STAT_MASKED_HIT", 5, 4},
      {"pmd_stat_type.PMD_STAT_MISS", 6, 4},
      {"pmd_stat_type.PMD_STAT_LOST", 7, 4},
      {"pmd_stat_type.PMD_STAT_MASKED_LOOKUP", 8, 4},
      {"pmd_stat_type.PMD_STAT_RECV", 9, 4},
      {"pmd_stat_type.PMD_STAT_RECIRC", 10, 4},
      {"pmd_stat_type.PMD_CYCLES_ITER_IDLE", 13, 4},
      {"pmd_stat_type.PMD_CYCLES_ITER_BUSY", 14, 4},
      {"pmd_stat_type.PMD_CYCLES_UPCALL", 15, 4},
  };
}

FakeSwitch make_fake_switch(uint32_t n, uint32_t n_masks, Lists lists) {
  FakeSwitch fake;
  fake.layout = *ovs::Layout::make(fake_layout_entries());
  const ovs::Layout& l = fake.layout;
  FakeMemory& memory = fake.memory;
  uint64_t end = FakeMemory::kBase;
  auto room = [&](uint64_t size) {
    const uint64_t at = (end + 63) & ~uint64_t{63};
    end = at + size;
    memory.bytes.resize(end - FakeMemory::kBase);
    return at;
  };
  auto text = [&](const char* of) {
    const uint64_t at = room(std::strlen(of) + 1);
    std::memcpy(&memory.bytes[at - FakeMemory::kBase], of, std::strlen(of));
    return at;
  };
  // An hmap of one bucket with one node.
  auto hmap_of = [&](uint64_t at, uint64_t node) {
    memory.put<uint64_t>(at + l.hmap_buckets.offset, at + l.hmap_one.offset);
    memory.put<uint64_t>(at + l.hmap_one.offset, node);
    memory.put<uint64_t>(at + l.hmap_mask.offset, 0);
    memory.put<uint64_t>(at + l.hmap_n.offset, node ? 1 : 0);
  };

  const uint64_t data = room(4096);
  fake.data.push_back({ovs::OvsAddr{data}, 4096});
  const uint64_t dp = room(l.sizeof_dp_netdev), shash = room(l.sizeof_shash_node), type_class = room(64);
  hmap_of(data + 1024, shash + l.shash_node_node.offset);
  const uint64_t name = text("ovs-netdev");
  memory.put<uint64_t>(shash + l.shash_node_name.offset, name);
  memory.put<uint64_t>(shash + l.shash_node_data.offset, dp);
  memory.put<uint64_t>(dp + l.dp_netdev_name.offset, name);
  memory.put<uint64_t>(dp + l.dp_netdev_class.offset, type_class);
  memory.put<uint64_t>(type_class + l.dpif_class_type.offset, text("netdev"));

  const uint64_t port = room(l.sizeof_dp_netdev_port), netdev = room(64);
  hmap_of(dp + l.dp_netdev_ports.offset, port + l.dp_netdev_port_node.offset);
  memory.put<uint32_t>(port + l.dp_netdev_port_port_no.offset, 1);
  memory.put<uint64_t>(port + l.dp_netdev_port_netdev.offset, netdev);
  memory.put<uint64_t>(netdev + l.netdev_name.offset, text("eth0"));
  memory.put<uint64_t>(port + l.dp_netdev_port_type.offset, text("system"));

  auto cmap_of = [&](uint64_t at, uint32_t n_buckets, uint32_t n_nodes) {
    const uint64_t impl = room(l.cmap_impl_buckets.offset + uint64_t{n_buckets} * l.sizeof_cmap_bucket);
    memory.put<uint64_t>(at, impl);
    memory.put<uint32_t>(impl + l.cmap_impl_n.offset, n_nodes);
    memory.put<uint32_t>(impl + l.cmap_impl_mask.offset, n_buckets - 1);
    return impl;
  };
  auto slot = [&](uint64_t impl, uint64_t i, uint32_t hash, uint64_t node) {
    const uint64_t bucket = impl + l.cmap_impl_buckets.offset + i / l.bucket_entries * l.sizeof_cmap_bucket;
    memory.put<uint32_t>(bucket + l.cmap_bucket_hashes.offset + 4 * (i % l.bucket_entries), hash);
    memory.put<uint64_t>(bucket + l.cmap_bucket_nodes.offset + 8 * (i % l.bucket_entries), node);
  };
  fake.pmd = room(64);
  slot(cmap_of(dp + l.dp_netdev_poll_threads.offset, 1, 1), 0, 3, fake.pmd + l.dp_netdev_pmd_thread_node.offset);
  memory.put<uint64_t>(fake.pmd + l.dp_netdev_pmd_thread_dp.offset, dp);
  memory.put<uint32_t>(fake.pmd + l.dp_netdev_pmd_thread_core_id.offset, 3);
  uint32_t n_buckets = 1;
  while (n_buckets * l.bucket_entries < n + n / 4) n_buckets *= 2;
  fake.table = cmap_of(fake.pmd + l.dp_netdev_pmd_thread_flow_table.offset, n_buckets, n);

  // Masks: EtherType, addresses under prefixes that differ.
  std::vector<uint64_t> masks;
  for (uint32_t i = 0; i < n_masks; i++) {
    const uint64_t mask = room(l.netdev_flow_key_buf.offset + 8 * 2);
    masks.push_back(mask);
    const uint64_t eth_word = l.flow_dl_type.offset / 8, ip_word = l.flow_nw_src.offset / 8;
    memory.put<uint32_t>(mask + l.netdev_flow_key_len.offset, 16 + 16);
    memory.put<uint64_t>(mask + l.netdev_flow_key_mf.offset, (eth_word < 64 ? 1ull << eth_word : 0) | (ip_word < 64 ? 1ull << ip_word : 0));
    memory.put<uint64_t>(mask + l.netdev_flow_key_mf.offset + 8, (eth_word >= 64 ? 1ull << (eth_word - 64) : 0) | (ip_word >= 64 ? 1ull << (ip_word - 64) : 0));
    memory.put<uint64_t>(mask + l.netdev_flow_key_buf.offset, 0xffffull << (8 * (l.flow_dl_type.offset % 8)));
    memory.put<uint64_t>(mask + l.netdev_flow_key_buf.offset + 8, 0xffffffffull | static_cast<uint64_t>(0xffffffffu << (i % 32)) << 32);
  }
  auto list_room = [&] { fake.actions.push_back(room(l.dp_netdev_actions_actions.offset + 8)); };
  for (uint32_t i = 0; lists == Lists::below && i < n; i++) list_room();
  for (uint32_t i = 0; i < n; i++) {
    fake.flows.push_back(room(l.sizeof_dp_netdev_flow));
    if (lists == Lists::behind) list_room();
  }
  for (uint32_t i = 0; lists == Lists::above && i < n; i++) list_room();
  for (uint32_t i = 0; i < n; i++) {
    const uint64_t flow = fake.flows[i], actions = fake.actions[i];
    const uint64_t mask = masks[i % n_masks];
    const uint32_t hash = i * 2654435761u + 1;
    memory.put<uint16_t>(flow + l.flow_dl_type.offset, 0x0008);
    memory.put<uint32_t>(flow + l.flow_nw_src.offset, i);
    memory.put<uint32_t>(flow + l.flow_nw_dst.offset, ~i);
    memory.put<uint32_t>(flow + l.flow_in_port.offset, 1);
    memory.put<uint32_t>(flow + l.dp_netdev_flow_ufid.offset, hash);
    memory.put<uint32_t>(flow + l.dp_netdev_flow_pmd_id.offset, 3);
    memory.put<uint32_t>(flow + l.dp_netdev_flow_ref_cnt.offset, 1);
    memory.put<uint64_t>(flow + l.dp_netdev_flow_stats.offset + l.dp_netdev_flow_stats_packet_count.offset, i);
    memory.put<uint64_t>(flow + l.dp_netdev_flow_stats.offset + l.dp_netdev_flow_stats_byte_count.offset, 100ull * i);
    memory.put<uint64_t>(flow + l.dp_netdev_flow_actions.offset, actions);
    memory.put<uint64_t>(flow + l.dp_netdev_flow_cr.offset + l.dpcls_rule_mask.offset, mask);
    for (int word = 0; word < 2; word++)
      memory.put<uint64_t>(flow + l.flow_key + 8 * word, load<uint64_t>(&memory.bytes[mask + l.netdev_flow_key_mf.offset + 8 * word - FakeMemory::kBase]));
    const uint64_t words[2] = {l.flow_dl_type.offset / 8, l.flow_nw_src.offset / 8};
    for (int k = 0; k < 2; k++)
      memory.put<uint64_t>(flow + l.flow_head + 8 * k,
                           load<uint64_t>(&memory.bytes[flow + 8 * words[k] - FakeMemory::kBase]) &
                               load<uint64_t>(&memory.bytes[mask + l.netdev_flow_key_buf.offset + 8 * k - FakeMemory::kBase]));
    memory.put<uint32_t>(actions + l.dp_netdev_actions_size.offset, 8);
    memory.put<uint16_t>(actions + l.dp_netdev_actions_actions.offset, 8);
    memory.put<uint16_t>(actions + l.dp_netdev_actions_actions.offset + 2, 1);
    memory.put<uint32_t>(actions + l.dp_netdev_actions_actions.offset + 4, 1 + i % 7);
    slot(fake.table, i, hash, flow + l.dp_netdev_flow_node.offset);
  }
  return fake;
}

}  // namespace cti::test
