using Picodata.Cluster;
using Xunit;

namespace Picodata.ClusterUnit;

public sealed class CatalogImageTests
{
    [Fact]
    public void An_empty_catalog_has_no_rows()
    {
        Assert.Null(CatalogImage.Empty.Find("_pico_instance", "default_1_1"));
        Assert.Empty(CatalogImage.Empty.Table("_pico_instance"));
    }
}
