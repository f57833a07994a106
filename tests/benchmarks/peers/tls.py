"""TLS in front of DynamoDB Local, which has none: as AWS, with a certificate of this run."""

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.benchmarks.peers.build import HOME, Built
from tests.support.aws_mock import DYNAMODB_URL
from tools.local_cloud.free_port import HOST, free_port

_CHUNK = 65_536  # bytes


class TlsStore:
    """DynamoDB Local behind TLS; functions trust the certificate beside their SDK's authorities."""

    def __init__(self, url: str, certificate: str) -> None:
        self._url = url
        self._certificate = certificate

    def environment(self, case: str, built: Built) -> dict[str, str]:
        """Return the variables with which a case's functions use this store.

        The bundle has the authorities that the case's SDK would load on AWS: all of botocore's, or
        the few in the product's layer.
        """
        (authorities,) = (
            path for layer in built.layers for path in layer.glob("botocore/cacert.pem")
        )
        bundle = HOME / case / "authorities.pem"
        bundle.write_text(authorities.read_text() + self._certificate)
        return {DYNAMODB_URL: self._url, "AWS_CA_BUNDLE": str(bundle)}


@contextmanager
def tls_store(url: str) -> Iterator[TlsStore]:
    """Start TLS in front of the URL, in a process of its own."""
    with TemporaryDirectory() as folder:
        home, port = Path(folder), free_port()
        certificate = _write_certificate(home)
        command = [
            sys.executable,
            "-m",
            __spec__.name,
            str(home),
            str(port),
            url.rpartition(":")[2],
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError("TLS in front of DynamoDB Local does not start")
            yield TlsStore(f"https://{HOST}:{port}", certificate)
        finally:
            process.terminate()
            process.communicate()


def _write_certificate(home: Path) -> str:
    """Write a key and a certificate for 127.0.0.1, and return the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    text = made.public_bytes(Encoding.PEM).decode()
    (home / "key.pem").write_bytes(private)
    (home / "certificate.pem").write_text(text)
    return text


async def _serve(home: Path, port: int, store_port: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "certificate.pem", home / "key.pem")

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_store, to_store = await asyncio.open_connection(HOST, store_port)
        await asyncio.gather(_copy(reader, to_store), _copy(from_store, writer))

    server = await asyncio.start_server(relay, HOST, port, ssl=context)
    print("ready", flush=True)
    await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass  # the process of the function has ended
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
