"""One artifact repository put together: from settings, or a folder for a rehearsal."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from publisher.destinations.port import Destination
from publisher.errors import SettingsError
from publisher.model import DestinationSpec
from publisher.retry import RetryPolicy
from publisher.settings.webdav import TokenSettings, UserSettings, WebdavSettings
from publisher.wiring.surroundings import Surroundings

if TYPE_CHECKING:
    from publisher.destinations.webdav.tokens import TokenService
    from publisher.http import Authorization


def settings_webdav(spec: DestinationSpec, settings: WebdavSettings, around: Surroundings) -> Destination:
    """Return the repository of these settings. Connects to nothing yet. Raises `SettingsError` for unusable values."""
    from publisher.destinations.webdav.access import FixedAccess, TokenAccess
    from publisher.destinations.webdav.dav import DavRepository, base_path_of
    from publisher.destinations.webdav.destination import WebdavDestination
    from publisher.destinations.webdav.doctor import diagnose

    access: FixedAccess | TokenAccess
    service: TokenService | None = None
    match settings.access:
        case UserSettings() as user:
            access = FixedAccess(_authorization(user, spec.env_prefix))
        case TokenSettings() as token:
            service = _service(token, settings.ca_file, spec.env_prefix)
            access = TokenAccess(
                service,
                base_path=base_path_of(settings.url),
                monotonic=time.monotonic,
                retry=RetryPolicy(),
                cancellation=around.cancellation,
            )
    repository = DavRepository(settings.url, access, setting=f"{spec.env_prefix}WEBDAV_URL", ca_file=settings.ca_file)
    return WebdavDestination(
        repository,
        access,
        diagnose=lambda: diagnose(repository, access, service),
        close=service.close if service else _nothing_to_close,
        retry=RetryPolicy(),
        verify=around.verify,
        cancellation=around.cancellation,
    )


def local_webdav(folder: Path, around: Surroundings) -> Destination:
    """Return a repository that is `folder`; it is made when something is first published."""
    from publisher.destinations.webdav.access import NothingLeased
    from publisher.destinations.webdav.destination import WebdavDestination
    from publisher.destinations.webdav.doctor import diagnose_folder
    from publisher.destinations.webdav.folder import FolderRepository

    repository = FolderRepository(folder.resolve())
    return WebdavDestination(
        repository,
        NothingLeased(),
        diagnose=lambda: diagnose_folder(repository),
        close=_nothing_to_close,
        retry=RetryPolicy(),
        verify=around.verify,
        cancellation=around.cancellation,
    )


def _service(token: TokenSettings, ca_file: Path | None, prefix: str) -> TokenService:
    from publisher.destinations.webdav.tokens import TokenOptions, TokenService
    from publisher.http import Masked

    return TokenService(
        TokenOptions(
            url=token.url,
            user=token.user,
            password=Masked(token.password.get_secret_value()),
            ttl_s=token.ttl_s,
            fields=token.fields,
            revoke_method=token.revoke_method,
            ca_file=ca_file,
            prefix=prefix,
        )
    )


def _authorization(user: UserSettings, prefix: str) -> Authorization:
    from publisher.http import basic

    try:
        return basic(user.user, user.password.get_secret_value())
    except SettingsError as error:
        raise SettingsError(
            f"{prefix}WEBDAV_USER or {prefix}WEBDAV_PASSWORD: {error.message}", hint=error.hint
        ) from None


def _nothing_to_close() -> None:
    pass
