/// The colour of a class in masks, boxes and legends.
public struct ClassColour: Equatable, Sendable {
    public let red: UInt8
    public let green: UInt8
    public let blue: UInt8

    /// Of masks of all pixels: Pascal VOC's, as the report's; class 0, ground, has none.
    public init?(_ classIndex: UInt8) {
        guard classIndex > 0 else { return nil }
        // Bits 0, 3 and 6 of the class are red's highest, the next ones green's, then blue's.
        var channels: [UInt8] = [0, 0, 0]
        for bit in 0..<8 where classIndex >> bit & 1 == 1 { channels[bit % 3] |= 128 >> (bit / 3) }
        (red, green, blue) = (channels[0], channels[1], channels[2])
    }

    /// Of a detector's classes, all of which are things: bright ones, neighbours far apart, as the report's.
    public init(object classIndex: Int) {
        let turns = Double(classIndex) * 0.6180339887498949
        let hue = (turns - turns.rounded(.down)) * 6
        let (value, saturation) = (0.95, 0.85)
        let rising = hue - hue.rounded(.down)
        let low = value * (1 - saturation)
        let falling = value * (1 - saturation * rising)
        let growing = value * (1 - saturation * (1 - rising))
        let parts =
            switch Int(hue) % 6 {
            case 0: [value, growing, low]
            case 1: [falling, value, low]
            case 2: [low, value, growing]
            case 3: [low, falling, value]
            case 4: [growing, low, value]
            default: [value, low, falling]
            }
        let bytes = parts.map { UInt8(evenRound(255 * $0)) }
        (red, green, blue) = (bytes[0], bytes[1], bytes[2])
    }
}
