using System.Text.Json;
using Picodata.Harness.Disk;
using Xunit;

namespace Picodata.Unit.Files;

/// <summary>
/// Files that a real Tarantool wrote, in <c>shared/vectors</c> in the checkout's folder or beside one above it. They are no part of the
/// repository: tests that need them are skipped where they are not.
/// </summary>
internal static class Vectors
{
    private static readonly Lazy<string?> Found = new(Find);

    public static string Root
    {
        get
        {
            Assert.SkipWhen(Found.Value is null, "the folder shared/vectors is not here");
            return Found.Value!;
        }
    }

    /// <summary>Names of the vectors with an ordinary layout.</summary>
    public static IEnumerable<string> Ordinary()
    {
        string[] names = Found.Value is null
            ? []
            : [.. Directory.GetDirectories(Found.Value).Where(path => Directory.Exists(Path.Combine(path, "data"))).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        return names.Length > 0 ? names : ["none"];
    }

    public static JsonElement Json(params string[] parts)
    {
        string path = Path.Combine([Root, .. parts]);
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return document.RootElement.Clone();
    }

    /// <summary>A disk with the files of a folder under <c>/data</c>.</summary>
    public static ModelledDisk Disk(params string[] parts)
    {
        var disk = new ModelledDisk();
        disk.CreateDirectory("/data");
        foreach (string path in Directory.GetFiles(Path.Combine([Root, .. parts])))
        {
            disk.Place("/data/" + Path.GetFileName(path), File.ReadAllBytes(path));
        }

        return disk;
    }

    private static string? Find()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "shared", "vectors");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}
