// userspace(...) and what is printed of its cookie.
#include "text/actions.h"

namespace cti::text {
namespace {

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// "name=number" pieces in a fixed order, as all cookies are written.
bool scan_number(Cursor& c, std::string_view name, uint64_t max, uint64_t& value) {
  return c.eat(name) && c.number(value, max);
}

bool scan_sflow(Cursor& c, Names&, TreeWriter& tree) {
  uint64_t vid, pcp, output;
  if (!scan_number(c, "vid=", 0xfff, vid) || !scan_number(c, ",pcp=", 7, pcp) || !scan_number(c, ",output=", UINT32_MAX, output))
    return false;
  size_t start = tree.open(kCookieSflow);
  tree.append(static_cast<uint32_t>(vid | pcp << 13));
  tree.append(static_cast<uint32_t>(output));
  tree.close(start);
  return true;
}

bool scan_slow_path(Cursor& c, Names&, TreeWriter& tree) {
  const char* start = c.at;
  while (!c.done() && *c.at != ')' && *c.at != '(') c.at++;
  tree.put(kCookieSlowPath, {reinterpret_cast<const uint8_t*>(start), static_cast<size_t>(c.at - start)});
  return true;
}

bool scan_flow_sample(Cursor& c, Names& names, TreeWriter& tree) {
  uint64_t probability, set, domain, point;
  uint32_t port;
  if (!scan_number(c, "probability=", 0xffff, probability) || !scan_number(c, ",collector_set_id=", UINT32_MAX, set) ||
      !scan_number(c, ",obs_domain_id=", UINT32_MAX, domain) || !scan_number(c, ",obs_point_id=", UINT32_MAX, point) ||
      !c.eat(",output_port=") || !scan_port(c, names, port))
    return false;
  uint32_t direction = c.eat(",ingress") ? 1 : c.eat(",egress") ? 2 : 0;
  size_t start = tree.open(kCookieFlowSample);
  for (uint64_t value : {probability, set, domain, point, uint64_t{port}, uint64_t{direction}})
    tree.append(static_cast<uint32_t>(value));
  tree.close(start);
  return true;
}

bool scan_ipfix(Cursor& c, Names& names, TreeWriter& tree) {
  uint32_t port;
  if (!c.eat("output_port=") || !scan_port(c, names, port)) return false;
  tree.put_value(kCookieIpfix, port);
  return true;
}

bool scan_controller(Cursor& c, Names&, TreeWriter& tree) {
  uint64_t reason, dont_send, continuation, recirc_id, cookie, id, max_len;
  if (!scan_number(c, "reason=", 0xffff, reason) || !scan_number(c, ",dont_send=", 1, dont_send) ||
      !scan_number(c, ",continuation=", 1, continuation) || !scan_number(c, ",recirc_id=", UINT32_MAX, recirc_id) ||
      !scan_number(c, ",rule_cookie=", UINT64_MAX, cookie) || !scan_number(c, ",controller_id=", 0xffff, id) ||
      !scan_number(c, ",max_len=", 0xffff, max_len))
    return false;
  size_t start = tree.open(kCookieController);
  tree.append(cookie);
  for (uint64_t value : {recirc_id, reason, dont_send, continuation, id, max_len}) tree.append(static_cast<uint32_t>(value));
  tree.close(start);
  return true;
}

bool scan_userdata(Cursor& c, Names&, TreeWriter& tree) {
  const char* start = c.at;
  size_t attr = tree.open(kUserspaceUserdata);
  while (c.peek() != ')') {
    Cursor digits(c.rest().substr(0, 2));
    uint64_t byte;
    if (!digits.hex_digits(byte, 0xff) || !digits.done() || c.left() < 2) return false;
    tree.append(static_cast<uint8_t>(byte));
    c.at += 2;
  }
  tree.close(attr);
  return c.at >= start;
}

struct Cookie {
  std::string_view name;
  bool (*scan)(Cursor&, Names&, TreeWriter&);
};
constexpr Cookie kCookies[] = {{",controller(", scan_controller}, {",sFlow(", scan_sflow},
                               {",slow_path(", scan_slow_path},   {",flow_sample(", scan_flow_sample},
                               {",ipfix(", scan_ipfix},           {",userdata(", scan_userdata}};

void put_named(std::string_view name, uint64_t value, TextBuffer& out) {
  out.put(name);
  out.put_dec(value);
}

void print_cookie(const TreeAttr& attr, const PortPrinter& printer, TextBuffer& out) {
  switch (attr.type) {
    case kCookieSflow:
      put_named(",sFlow(vid=", attr.value<uint32_t>() & 0xfff, out);
      put_named(",pcp=", attr.value<uint32_t>() >> 13, out);
      put_named(",output=", attr.value<uint32_t>(4), out);
      break;
    case kCookieSlowPath:
      out.put(",slow_path(");
      out.put(text_of(attr.payload));
      break;
    case kCookieFlowSample: {
      put_named(",flow_sample(probability=", attr.value<uint32_t>(), out);
      put_named(",collector_set_id=", attr.value<uint32_t>(4), out);
      put_named(",obs_domain_id=", attr.value<uint32_t>(8), out);
      put_named(",obs_point_id=", attr.value<uint32_t>(12), out);
      out.put(",output_port=");
      printer.port(attr.value<uint32_t>(16), out);
      uint32_t direction = attr.value<uint32_t>(20);
      out.put(direction == 1 ? ",ingress" : direction == 2 ? ",egress" : "");
      break;
    }
    case kCookieIpfix:
      out.put(",ipfix(output_port=");
      printer.port(attr.value<uint32_t>(), out);
      break;
    case kCookieController:
      put_named(",controller(reason=", attr.value<uint32_t>(12), out);
      put_named(",dont_send=", attr.value<uint32_t>(16), out);
      put_named(",continuation=", attr.value<uint32_t>(20), out);
      put_named(",recirc_id=", attr.value<uint32_t>(8), out);
      out.put(",rule_cookie=");
      out.put_hex(attr.value<uint64_t>());
      put_named(",controller_id=", attr.value<uint32_t>(24), out);
      put_named(",max_len=", attr.value<uint32_t>(28), out);
      break;
    case kUserspaceUserdata:
      out.put(",userdata(");
      for (uint8_t byte : attr.payload) out.put_hex_digits(byte, 2);
      break;
    default:
      return;
  }
  out.put(')');
}

}  // namespace

bool scan_userspace(Cursor& c, Names& names, TreeWriter& tree) {
  uint64_t pid;
  if (!scan_number(c, "pid=", UINT32_MAX, pid)) return false;
  size_t start = tree.open(kActUserspace);
  tree.put_value(kUserspacePid, static_cast<uint32_t>(pid));
  for (const Cookie& cookie : kCookies) {
    if (!c.eat(cookie.name)) continue;
    if (!cookie.scan(c, names, tree) || !c.eat(')')) return false;
    break;
  }
  if (c.eat(",actions")) tree.flag(kUserspaceActions);
  if (c.eat(",tunnel_out_port=")) {
    uint32_t port;
    if (!scan_port(c, names, port)) return false;
    tree.put_value(kUserspaceTunnelPort, port);
  }
  tree.close(start);
  return true;
}

void print_userspace(Bytes nested, const PortPrinter& printer, TextBuffer& out) {
  TreeAttr attr{};
  find_attr(nested, kUserspacePid, attr);
  put_named("userspace(pid=", attr.value<uint32_t>(), out);
  Bytes rest = nested;
  while (next_attr(rest, attr)) print_cookie(attr, printer, out);
  if (find_attr(nested, kUserspaceActions, attr)) out.put(",actions");
  if (find_attr(nested, kUserspaceTunnelPort, attr)) {
    out.put(",tunnel_out_port=");
    printer.port(attr.value<uint32_t>(), out);
  }
  out.put(')');
}

}  // namespace cti::text
