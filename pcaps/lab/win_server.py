"""A file server that names itself as a Windows, on impacket's SMB server.

Usage: win_server.py NATIVE_OS MAJOR.MINOR.BUILD NAME DOMAIN DIRECTORY
"""
import os
import sys

from impacket import ntlm, smbserver

import win_bytes

VERSION = (0, 0, 0)


class WindowsChallenge(ntlm.NTLMAuthChallenge):
    """CHALLENGE_MESSAGE that carries the version of the Windows being played."""

    def getData(self):
        self["Version"] = win_bytes.ntlm_version(*VERSION)
        self["VersionLen"] = 8
        return super().getData()


def main():
    """Serves until ended."""
    global VERSION
    native_os, version, name, domain, directory = sys.argv[1:6]
    VERSION = tuple(int(part) for part in version.split("."))
    os.makedirs(directory, exist_ok=True)
    smbserver.ntlm.NTLMAuthChallenge = WindowsChallenge
    server = smbserver.SimpleSMBServer("0.0.0.0", 445)
    server.addShare("SERVICE", directory, "")
    config = server._SimpleSMBServer__smbConfig
    for key, value in (("server_name", name), ("server_os", native_os), ("server_domain", domain)):
        config.set("global", key, value)
    server.setSMB2Support(True)
    server._SimpleSMBServer__server.setServerConfig(config)
    server._SimpleSMBServer__server.processConfigFile()
    server.start()


if __name__ == "__main__":
    main()
