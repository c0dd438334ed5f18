"""How the outside reaches a service."""
