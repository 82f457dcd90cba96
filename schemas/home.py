"""The home folder: what lies where in the ``DIR`` that every command is given. Paths only; nothing is read or written here."""

from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = "NCCID_HOME"
DEFAULT = Path("nccid-home")


@dataclass(frozen=True, slots=True)
class Home:
    """One installation's folder."""

    root: Path

    @property
    def sites(self) -> Path:
        """The registry of sites (form: ``schemas/sites.example.toml``)."""
        return self.root / "sites.toml"

    @property
    def rules(self) -> Path:
        """Windows, deadlines, modalities."""
        return self.root / "rules.toml"

    @property
    def units(self) -> Path:
        """Which site writes which column in which unit; need not be there."""
        return self.root / "units.toml"

    @property
    def keyring(self) -> Path:
        """The secrets, mode 0600."""
        return self.root / "keyring.json"

    @property
    def outbox(self) -> Path:
        """SQLite: what the edge took in, sealed, and how far it was sent."""
        return self.root / "data" / "outbox.sqlite3"

    @property
    def state(self) -> Path:
        """The workers' own state; may be deleted, is rebuilt from the topics."""
        return self.root / "data" / "state"

    @property
    def hub_tokens(self) -> Path:
        """Who may ask the hub: digests of tokens and what each may see; the tokens themselves are not in it."""
        return self.root / "hub-tokens.json"

    @property
    def hub_access(self) -> Path:
        """The tokens with which this home's portal asks the hub, by site code; mode 0600."""
        return self.root / "data" / "hub-access.json"

    @property
    def portal(self) -> Path:
        """SQLite: the portal's accounts, sessions and audit log; no patient's number is in it."""
        return self.root / "data" / "portal.sqlite3"

    @property
    def store(self) -> Path:
        """De-identified images."""
        return self.root / "store"

    @property
    def incoming(self) -> Path:
        """The watched folder: in it one folder a site, from which the image node takes DICOM files."""
        return self.root / "incoming"

    @property
    def run(self) -> Path:
        """Facts about a running ``nccid up``: its lock and its addresses."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """One log file a role."""
        return self.root / "logs"
