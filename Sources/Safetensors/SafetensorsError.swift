/// A placeholder for the module's first type.
