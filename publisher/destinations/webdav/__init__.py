"""The WebDAV destination: files of any type below a URL, written once and never over one another (DESIGN.md, "WebDAV").

`recipe` decides and does no IO; `driver` carries out what it asks for, on a `Repository` that is a WebDAV server
(`dav`) or a folder (`folder`). `tokens` and `access` make, renew and revoke what lets a run write.
"""
