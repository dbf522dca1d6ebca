namespace Picodata.EndToEnd;

/// <summary>A network namespace and the address inside it that an instance listens on.</summary>
internal sealed record NetworkPlace(string Namespace, string Address);
