"""The responder that needs no model."""
