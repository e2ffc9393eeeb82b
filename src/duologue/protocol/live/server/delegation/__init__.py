"""Work that the voice model hands over: to the application, or to the Responses model."""
