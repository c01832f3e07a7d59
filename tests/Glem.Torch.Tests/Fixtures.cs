using System.IO;

namespace Glem.Torch.Tests;

/// <summary>The golden files, where this checkout has them beside it or in it.</summary>
internal static class Fixtures
{
    internal static string? Folder(string name)
    {
        for (var at = new DirectoryInfo(System.AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var candidate = Path.Combine(at.FullName, "shared", "fixtures", name);
            if (Directory.Exists(candidate))
                return candidate;
        }
        return null;
    }
}
