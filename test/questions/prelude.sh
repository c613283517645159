# Functions for `by` of files.yaml: the recorded texts, a line a row. Read in test/fixtures.
S=sos/sos_commands/openvswitch
D=$S/ovs-appctl_dpctl.dump-flows_-m_netdev_ovs-netdev C=$S/ovs-appctl_dpctl.dump-conntrack_-m_netdev_ovs-netdev
dp() { grep '^ufid' $D; }
rules() { for b in br-ex br-int br-remote; do sed -n "s/^ cookie/$b cookie/p" "$S/ovs-ofctl_-O_OpenFlow13_dump-flows_$b"; done; }
list4() { grep -v '^conntrack v' ct/list-ipv4.txt; }
list6() { grep -v '^conntrack v' ct/list-ipv6.txt; }
n() { wc -l | tr -d ' '; }
tally() { sort | uniq -c | awk '{ c = $1; $1 = ""; sub(/^ /, ""); print $0 "," c }'; }
