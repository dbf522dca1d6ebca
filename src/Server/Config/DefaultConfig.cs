using System.Text;

namespace Picodata.Server;

/// <summary>Writes the file that <c>picodata config default</c> prints: every parameter with its default, deprecated keys left out.</summary>
internal static class DefaultConfig
{
    public static string Yaml()
    {
        var text = new StringBuilder();
        string[] open = [];
        foreach (ConfigParameter parameter in ConfigParameter.All.Where(parameter => parameter.ReplacedBy is null && !parameter.LeftOutOfDefault))
        {
            string[] path = parameter.Path.Split('.');
            string[] section = path[..^1];
            int same = 0;
            while (same < Math.Min(open.Length, section.Length) && open[same] == section[same])
            {
                same++;
            }

            if (open is ["cluster"] && section[0] != "cluster")
            {
                AppendTier(text);
            }

            for (int depth = same; depth < section.Length; depth++)
            {
                text.Append(' ', depth * 2).Append(section[depth]).Append(":\n");
            }

            open = section;
            text.Append(' ', section.Length * 2).Append(path[^1]).Append(": ").Append(Value(parameter)).Append('\n');
        }

        return text.ToString();
    }

    private static void AppendTier(StringBuilder text) => text.Append(
        """
          tier:
            default:
              replication_factor: 1
              bucket_count: 3000
              can_vote: true

        """.Replace("\r", ""));

    private static string Value(ConfigParameter parameter) => (parameter.Path, parameter.Default) switch
    {
        ("instance.iproto.advertise", _) => "127.0.0.1:3301",
        ("instance.http.advertise", _) => "127.0.0.1:5327",
        ("instance.pgproto.advertise", _) => "127.0.0.1:4327",
        ("instance.peer", _) => "[127.0.0.1:3301]",
        (_, null) => "null",
        (_, "") when parameter.Kind == ConfigKind.FailureDomain => "{}",
        (_, string value) => value,
    };
}
