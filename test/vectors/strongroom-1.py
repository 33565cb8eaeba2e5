"""Writes strongroom-1.json: our at-rest formats, made by a second implementation from docs/format alone.

Needs python3-cryptography. `python3 test/vectors/strongroom-1.py > test/vectors/strongroom-1.json`
"""
import hashlib, hmac, json
from struct import pack
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def pattern(n, seed):
    """n bytes that anyone can make again: SHA-256 of seed and a counter."""
    blocks = (hashlib.sha256(f"{seed} {i}".encode()).digest() for i in range(n // 32 + 1))
    return b"".join(blocks)[:n]


def hkdf(key, salt, info, n):
    return HKDF(SHA256(), n, salt, info).derive(key)


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def prefixed(b):
    return pack(">I", len(b)) + b


def seal(key, salt, label, associated, plain):
    derived = hkdf(key, salt, f"strongroom seal 1 {label}".encode(), 44)
    return b"\x01" + salt + AESGCM(derived[:32]).encrypt(derived[32:], plain, b"\x01" + associated)


def stream(key, random, extent_id, plain, segment):
    salt, prefix = random[:32], random[32:]
    k = hkdf(key, salt, b"\x01" + extent_id, 32)
    out, i, at = [b"\x28" + random], 0, 0
    while True:
        take = segment - 16 - (40 if i == 0 else 0)
        last = at + take >= len(plain)
        out.append(AESGCM(k).encrypt(prefix + pack(">IB", i, last), plain[at:at + take], None))
        i, at = i + 1, at + take
        if last:
            return b"".join(out)


key, other, salt = pattern(32, "key"), pattern(32, "other key"), pattern(16, "salt")
context = "Behälter/metadata"
binding = dict(extentId="0123456789abcdef", length=123456789012, resourceId="3f2504e0-4f89-41d3-9a0c-0305e82c3301",
               rootKeyId=mac(key, b"strongroom root key id")[:16].hex())
extent_context = (prefixed(binding["extentId"].encode()) + pack(">Q", binding["length"]) +
                  prefixed(binding["resourceId"].encode()) + prefixed(binding["rootKeyId"].encode()))
root = dict(resourceId="/subscriptions/s/registries/r", purpose="registry", generation=7)
bound = hashlib.sha256(prefixed(root["resourceId"].encode()) + prefixed(root["purpose"].encode())).digest()
streams = []
for segment, length in [(64, 0), (64, 8), (64, 9), (64, 56), (64, 57), (4096, 4040), (4096, 4041), (4096, 20000),
                        (65536, 200000), (1048576, 3000000)]:
    random = pattern(39, f"random {segment} {length}")
    sealed = stream(key, random, b"extent-1", pattern(length, "plain"), segment)
    streams.append(dict(segmentBytes=segment, length=length, header=sealed[:40].hex(), sealedLength=len(sealed),
                        sha256=hashlib.sha256(sealed).hexdigest()))
print(json.dumps({
    "source": "strongroom-1.py, from docs/format; pattern(n, seed) = SHA-256(seed, space, counter) blocks",
    "key": key.hex(), "otherKey": other.hex(), "context": context,
    "record": {"plain": pattern(100, "record").hex(), "sealed": seal(key, salt, "record", context.encode(), pattern(100, "record")).hex()},
    "recordKeyId": mac(key, b"strongroom record key id")[:16].hex(),
    "wrappedRecordKey": seal(key, salt, "record-key", context.encode(), other).hex(),
    "wrappedMacKey": seal(key, salt, "mac-key", context.encode(), other).hex(),
    "mac": mac(key, prefixed(context.encode()) + prefixed(b"a") + prefixed(b"") + prefixed(b"bc")).hex(),
    "extentBinding": binding,
    "wrappedExtentKey": seal(key, salt, "extent-key", extent_context, other).hex(),
    "extentStream": {"plain": pattern(90, "extent").hex(), "file": stream(other, pattern(39, "random extent"), b"extent-1", pattern(90, "extent"), 65536).hex()},
    "rootBinding": root,
    "rootPayload": (b"\x01" + key + bound + pack(">Q", root["generation"])).hex(),
    "rootKeyId": binding["rootKeyId"],
    "secret": "abc8Q~defghijklmnopqrstuvwxyz0123456789A",
    "secretVerifier": (b"\x01" + salt + mac(salt, b"abc8Q~defghijklmnopqrstuvwxyz0123456789A")).hex(),
    "streamExtentId": "extent-1",
    "streams": streams,
}, indent=2, ensure_ascii=False))
