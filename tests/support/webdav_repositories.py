"""The publisher's own view of the real WebDAV servers: a `Repository` for each, with the access that it needs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from publisher.cancellation import Cancellation
from publisher.destinations.webdav.access import Access, FixedAccess, TokenAccess
from publisher.destinations.webdav.dav import DavRepository, base_path_of
from publisher.destinations.webdav.tokens import TokenOptions, TokenService
from publisher.http import Masked, basic
from publisher.retry import RetryPolicy
from tests.support.webdav_servers import PASSWORD, USER, WebdavServer

QUICK = RetryPolicy(attempts=3, base_s=0.01, cap_s=0.02)


@contextmanager
def repository_of(server: WebdavServer) -> Iterator[DavRepository]:
    """Open a server with tokens if it has a token service, else with its user; tokens are given back at the end."""
    with ExitStack() as stack:
        access: Access = FixedAccess(basic(USER, PASSWORD))
        if server.tokens is not None:
            settings = server.settings
            options = TokenOptions(
                url=settings["WEBDAV_TOKEN_URL"],
                user=settings["WEBDAV_TOKEN_USER"],
                password=Masked(settings["WEBDAV_TOKEN_PASSWORD"]),
            )
            access = TokenAccess(
                stack.enter_context(closing(TokenService(options))),
                base_path=base_path_of(server.url),
                monotonic=time.monotonic,
                retry=QUICK,
                cancellation=Cancellation(),
            )
            stack.callback(access.release)
        yield stack.enter_context(closing(DavRepository(server.url, access)))
