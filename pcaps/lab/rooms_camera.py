"""A camera of GStreamer's RTSP server, and a viewer. Runs on the system's Python, which has its bindings.

Usage: rooms_camera.py USER PASSWORD PATH | watch USER PASSWORD URL
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def camera(user, password, path):
    """Serves a picture to who knows the password."""
    server = GstRtspServer.RTSPServer()
    server.set_service("554")
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch("( videotestsrc ! video/x-raw,width=16,height=16,framerate=1/1 ! rtpvrawpay name=pay0 pt=96 )")
    rights = GstRtspServer.RTSPPermissions()
    rights.add_permission_for_role("user", "media.factory.access", True)
    rights.add_permission_for_role("user", "media.factory.construct", True)
    factory.set_permissions(rights)
    server.get_mount_points().add_factory("/" + path, factory)
    server.attach(None)
    GLib.MainLoop().run()


def watch(user, password, url):
    """Plays a second of it."""
    Gst.parse_launch(f"rtspsrc location={url} user-id={user} user-pw={password} protocols=tcp ! fakesink").set_state(
        Gst.State.PLAYING)
    loop = GLib.MainLoop()
    GLib.timeout_add(2000, loop.quit)
    loop.run()


if __name__ == "__main__":
    Gst.init(None)
    if sys.argv[1] == "watch":
        watch(*sys.argv[2:5])
    else:
        camera(*sys.argv[1:4])
