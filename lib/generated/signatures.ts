// Generated from schema/ by `npm run generate`. Do not edit.

/** Set -> function that can suspend -> its arguments in order: a number, or a buffer that is read (in), written (out) or both. */
export const SIGNATURES = {
  conformance: {
    later: { value: 'number' },
    exchange: { question: 'in', question_size: 'number', words: 'inout', n_words: 'number', reply: 'out' },
  },
  upstream: {
  },
  ctinspector: {
    table_open: { name: 'in', name_size: 'number', table: 'out', table_size: 'number' },
    mmap: { name: 'in', name_size: 'number', access: 'number', size: 'out' },
    munmap: { address: 'number' },
    switch_to_address_space: { asid: 'number' },
    table_refresh: { name: 'in', name_size: 'number', table: 'out', table_size: 'number', max_age_ms: 'number' },
    region_info: { name: 'in', name_size: 'number', info: 'out' },
    raw_copy: { address: 'number', size: 'number' },
    monitor_address: { type: 'number', address: 'number', value: 'number', tag: 'number' },
    wait_for_address_event: { timeout_ns: 'number', event: 'out' },
    event_subscribe: { what: 'in', what_size: 'number' },
    event_wait: { subscription: 'number', timeout_ns: 'number', event: 'out', event_size: 'number' },
    event_unsubscribe: { subscription: 'number' },
    sleep: { duration: 'number' },
    ovs_flow_row: { ufid: 'in', generation: 'number' },
    ovs_row_text: { generation: 'number', row: 'number', text: 'out', size: 'number' },
    ovs_port_number: { name: 'in', name_size: 'number' },
    ovs_port_name: { number: 'number', name: 'out', size: 'number' },
    ovs_trace: { request: 'in', request_size: 'number', text: 'out', size: 'number' },
    ovs_detrace: { ufid: 'in', text: 'out', size: 'number' },
    ovs_upcalls: { upcalls: 'out', size: 'number' },
  },
} as const;
