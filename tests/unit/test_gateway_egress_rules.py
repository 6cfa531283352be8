"""Which hosts a rule names, how hosts may be written, and where no name may lead."""

import ipaddress

import pytest

from hive_gateway.egress.addresses import why_not
from hive_rpc.egress import parse_host, parse_rule


@pytest.mark.parametrize(
    ("rule", "host", "port"),
    [
        ("github.com:443", "github.com", 443),
        ("GitHub.com.:443", "GITHUB.com", 443),
        ("*.pypi.org:443", "files.pypi.org", 443),
        ("*.pypi.org:443", "a.b.pypi.org", 443),
        ("192.0.2.7:22", "192.0.2.7", 22),
        ("[2001:DB8::1]:443", "[2001:db8:0::1]", 443),
    ],
)
def test_a_rule_permits_what_it_names(rule: str, host: str, port: int) -> None:
    assert parse_rule(rule).permits(parse_host(host), port)


@pytest.mark.parametrize(
    ("rule", "host", "port"),
    [
        ("github.com:443", "github.com", 80),
        ("github.com:443", "api.github.com", 443),
        ("github.com:443", "github.com.evil.example", 443),
        ("*.pypi.org:443", "pypi.org", 443),
        ("*.pypi.org:443", "evilpypi.org", 443),
        ("192.0.2.7:22", "::ffff:192.0.2.7", 22),
        ("127.0.0.1:80", "localhost", 80),
    ],
)
def test_a_rule_permits_nothing_else(rule: str, host: str, port: int) -> None:
    assert not parse_rule(rule).permits(parse_host(host), port)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "github.com",
        "github.com:",
        ":443",
        "github.com:0",
        "github.com:65536",
        "github.com:+1",
        "github.com:٤٤٣",
        "*:443",
        "*.com:443",
        "*.192.0.2.7:443",
        "a..b:1",
        "-a.example:1",
        "https://github.com:443",
        "a b:1",
        "*.*.x.y:1",
        "a.example:443/path",
        "user@a.example:443",
        "[::1:443",
    ],
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_rule(rule)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "017700000001",
        "0x7f000001",
        "127.1",
        "127.0.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.1.5",
        "1.2.3.256",
        "",
        ".",
        "a..b",
        "a/b",
        "a:b",
        "a@b",
        "a b",
        "a\nb",
        "a\x00",
        "ａ.example",
        "x" * 64,
        ".".join(["x" * 60] * 5),
    ],
)
def test_what_programs_read_differently_is_no_host(host: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        parse_host(host)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "fec0::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ],
)
def test_no_name_may_lead_there(address: str) -> None:
    assert why_not(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "140.82.121.4", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"],
)
def test_a_name_may_lead_into_the_internet(address: str) -> None:
    assert why_not(ipaddress.ip_address(address)) is None
