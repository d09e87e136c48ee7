namespace RlWn.Envs;

/// <summary>A colour of the screen (sRGB).</summary>
/// <param name="Red">0 to 255, likewise the other two.</param>
/// <param name="Green">0 to 255.</param>
/// <param name="Blue">0 to 255.</param>
public readonly record struct Rgb(byte Red, byte Green, byte Blue);
