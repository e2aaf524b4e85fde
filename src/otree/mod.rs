//! oTree's REST API and links.
