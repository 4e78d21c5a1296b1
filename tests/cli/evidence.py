#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""evidence: make the evidence of a device, as its TSM collects it, signed by DSP0274.

    evidence.py DIR KEY=VALUE...

DIR is the directory vfio_tsm_evidence in a fake tree. These keys have no default:
    key=FILE        the key that signs
    chain=FILE,...  certificates in DER, the root first
    nonce=HEX       the nonce of the request
The others:
    version=12      of SPDM, or 13
    signature=ecdsa-p384, rsapss-3072 or rsassa-2048; hash=sha384 or sha256
    generation=1    slot=0
    change=N        another value in measurement N
    request=HEX     first bytes of GET_MEASUREMENTS, in the place of its own
    report=         empty: there is none
"""
import hashlib
import os
import subprocess
import struct
import sys

SIGNATURES = {"rsassa-2048": 1 << 0, "rsapss-3072": 1 << 3, "ecdsa-p384": 1 << 7}
HASHES = {"sha256": (1 << 0, 1 << 1), "sha384": (1 << 1, 1 << 2)}

if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
    sys.exit(__doc__)
top = sys.argv[1]
opt = {"version": "12", "signature": "ecdsa-p384", "hash": "sha384", "generation": "1", "slot": "0",
       "change": "0", "request": "", "report": "yes"}
opt.update(arg.split("=", 1) for arg in sys.argv[2:])
version = int(opt["version"], 16)
base_hash, measurement_hash = HASHES[opt["hash"]]


def digest(data):
    return hashlib.new(opt["hash"], data).digest()


def vca():
    capabilities = struct.pack("<BBHIII", 0, 0, 0, 0, 4096, 4096)
    offered = struct.pack("<HBBII12xI", 32, 1, 0, SIGNATURES[opt["signature"]], base_hash, 0)
    chosen = struct.pack("<HBBIII12xI", 36, 1, 0, measurement_hash, SIGNATURES[opt["signature"]],
                         base_hash, 0)
    return (bytes([0x10, 0x84, 0, 0]) + bytes([0x10, 0x04, 0, 0, 0, 1, 0, version]) +
            bytes([version, 0xe1, 0, 0]) + capabilities + bytes([version, 0x61, 0, 0]) + capabilities +
            bytes([version, 0xe3, 0, 0]) + offered + bytes([version, 0x63, 0, 0]) + chosen)


def chain():
    certs = [open(name, "rb").read() for name in opt["chain"].split(",")]
    body = digest(certs[0]) + b"".join(certs)
    return struct.pack("<HH", 4 + len(body), 0) + body


def block(index, kind, value):
    if index == int(opt["change"]):
        value = bytes([value[0] ^ 1]) + value[1:]
    value = struct.pack("<BH", kind, len(value)) + value
    return struct.pack("<BBH", index, 1, len(value)) + value


def der_length(data, at):
    """The length of an ASN.1 value, and where the value begins."""
    first = data[at + 1]
    if first < 0x80:
        return first, at + 2
    n = first & 0x7f
    return int.from_bytes(data[at + 2:at + 2 + n], "big"), at + 2 + n


def sign(text):
    options = []
    if opt["signature"].startswith("rsapss"):
        options = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
    made = subprocess.run(["openssl", "dgst", "-" + opt["hash"], "-sign", opt["key"], *options],
                          input=text, stdout=subprocess.PIPE, check=True).stdout
    if not opt["signature"].startswith("ecdsa"):
        return made
    numbers = b""
    _, at = der_length(made, 0)
    for _ in range(2):
        n, at = der_length(made, at)
        numbers += int.from_bytes(made[at:at + n], "big").to_bytes(48, "big")
        at += n
    return numbers


def measurements():
    slot = int(opt["slot"])
    context = b"context." if version >= 0x13 else b""
    request = bytes([version, 0xe0, 0x01, 0xff]) + bytes.fromhex(opt["nonce"]) + bytes([slot]) + context
    start = bytes.fromhex(opt["request"])
    request = start + request[len(start):]
    record = b"".join([block(1, 0, digest(b"ROM")), block(2, 1, digest(b"firmware")),
                       block(3, 0x82, bytes(range(80))), block(5, 0x86, b"1.2.3")])
    response = (bytes([version, 0x60, 0, slot, 4]) + len(record).to_bytes(3, "little") + record +
                bytes(32) + struct.pack("<H", 6) + b"opaque" + context)
    head = f"dmtf-spdm-v1.{version & 15}.*".encode() * 4 + bytes(6) + b"responder-measurements signing"
    return request + response + sign(head + digest(vca() + request + response))


def report():
    if not opt["report"]:
        return b""
    ranges = struct.pack("<QIHH", 0x10, 4, 0, 0) + struct.pack("<QIHH", 0x20, 2, 1, 4)
    return struct.pack("<HHHHII", 2, 0, 0x8003, 0, 0, 2) + ranges + struct.pack("<I", 3) + b"abc"


os.makedirs(top, exist_ok=True)
files = {"cert0": chain(), "vca": vca(), "measurements": measurements(), "report": report(),
         "generation": opt["generation"].encode() + b"\n"}
for name, content in files.items():
    with open(os.path.join(top, name), "wb") as f:
        f.write(content)
if not os.path.exists(os.path.join(top, "nonce")):
    os.close(os.open(os.path.join(top, "nonce"), os.O_CREAT, 0o600))
