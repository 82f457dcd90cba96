"""Who has opted out once all deliveries of a world are in: numbers of sites, and people at all sites.

A site's number takes out the patient it belongs to. It takes out the person too, at every site, where the site has been told by
then whose number it is: the latest row says so. An NHS number takes out the person. Earlier or later makes no difference to that.
"""

from dataclasses import dataclass, field

from synth.model import Row, World

Place = tuple[str, str]
"""A site, and an identifier by which its PACS knows somebody."""


@dataclass(frozen=True, slots=True)
class OptedOut:
    """Identifiers at sites, and NHS numbers, of those who have opted out."""

    places: set[Place] = field(default_factory=set)
    people: set[str] = field(default_factory=set)


def opted_out(world: World) -> OptedOut:
    """All who have opted out by the end."""
    found = OptedOut()
    told: dict[Place, str | None] = {}
    for delivery in world.deliveries:
        told |= {place_of(world, row): row.nhs_number for row in delivery.rows}
        for withdrawal in delivery.withdrawals:
            place = delivery.site, withdrawal.number
            person = withdrawal.number if withdrawal.by == "nhs" else told.get(place)
            if withdrawal.by == "hospital":
                found.places.add(place)
            if person:
                found.people.add(person)
    return found


def place_of(world: World, row: Row) -> Place:
    """Where a row belongs: by the NHS number where PACS goes by it, else by the hospital number."""
    site = world.sites[row.patient.site]
    identifier = row.nhs_number if site.pacs_identifier == "nhs" else row.hospital_number
    return site.code, identifier or ""
