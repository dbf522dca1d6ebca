namespace Picodata.Server;

/// <summary>A configuration that cannot be used; the message says which parameter, what is wrong, and what is expected.</summary>
internal sealed class ConfigException(string message) : Exception(message);
