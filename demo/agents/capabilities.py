"""What the agents of the fleet can do; tasks are matched on these."""

SURVEY = "docs.survey"
INVENTORY = "docs.inventory"
SUMMARY = "docs.summary"
LINKS = "docs.links"
AGE = "docs.age"
ARCHIVE = "docs.archive"
