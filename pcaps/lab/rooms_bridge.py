"""Tables of a switch for Net-SNMP's pass_persist: ports, names, addresses learnt and resolved."""
import sys

MACS = ((7, "0009fb056041", "10.20.60.41"), (9, "d89ef35b6042", "10.20.60.42"), (24, "005056a16005", "10.20.60.5"),
        (24, "005056a16006", "10.20.60.6"))
VLAN = 60


def rows():
    """All rows: identifier, type, value."""
    out = {}
    for port in (7, 9, 24):
        out[(1, 3, 6, 1, 2, 1, 17, 1, 4, 1, 2, port)] = ("integer", str(10100 + port))
        out[(1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1, 10100 + port)] = ("string", f"Gi1/0/{port}")
    for port, mac, address in MACS:
        octets = tuple(bytes.fromhex(mac))
        out[(1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 2) + octets] = ("integer", str(port))
        out[(1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 2, VLAN) + octets] = ("integer", str(port))
        out[(1, 3, 6, 1, 2, 1, 4, 22, 1, 2, VLAN) + tuple(map(int, address.split(".")))] = (
            "octet", " ".join(f"{octet:02x}" for octet in octets))
    return out


def main():
    """Answers PING, get and getnext until the agent goes away."""
    table = rows()
    order = sorted(table)
    lines = iter(sys.stdin.readline, "")
    for line in lines:
        word = line.strip()
        if word == "PING":
            answer = "PONG"
        elif word in ("get", "getnext"):
            asked = tuple(int(arc) for arc in next(lines).strip().strip(".").split("."))
            found = asked if word == "get" else next((row for row in order if row > asked), None)
            answer = "NONE"
            if found in table:
                kind, value = table[found]
                answer = "." + ".".join(map(str, found)) + f"\n{kind}\n{value}"
        else:
            answer = "not-writable"
        print(answer, flush=True)


if __name__ == "__main__":
    main()
