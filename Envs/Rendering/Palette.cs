namespace RlWn.Envs;

/// <summary>The colours of the classic tasks.</summary>
internal static class Palette
{
    public static readonly Rgb Paper = new(248, 247, 243);
    public static readonly Rgb Ink = new(45, 50, 60);
    public static readonly Rgb Grey = new(150, 155, 162);
    public static readonly Rgb Earth = new(205, 214, 196);
    public static readonly Rgb Blue = new(58, 110, 165);
    public static readonly Rgb Orange = new(208, 122, 44);
    public static readonly Rgb Red = new(190, 60, 55);
}
