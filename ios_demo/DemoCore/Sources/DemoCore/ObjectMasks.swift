extension Answer.Detected {
    /// Rows of blue, green, red and alpha bytes of the picture: the colour of the best of the objects `found`
    /// that a pixel is of, clear where it is of none; nil where there are no masks.
    public func maskBGRA(_ found: [Detection]) -> [UInt8]? {
        guard found.contains(where: { $0.probabilities != nil }) else { return nil }
        var bgra = [UInt8](repeating: 0, count: 4 * picture.width * picture.height)
        for detection in found.reversed() {
            guard let mask = mask(detection) else { continue }
            let colour = ClassColour(object: detection.classIndex)
            for row in 0..<mask.height {
                for column in 0..<mask.width where mask.inside[row * mask.width + column] {
                    let pixel = 4 * ((mask.top + row) * picture.width + mask.left + column)
                    bgra[pixel] = colour.blue
                    bgra[pixel + 1] = colour.green
                    bgra[pixel + 2] = colour.red
                    bgra[pixel + 3] = 255
                }
            }
        }
        return bgra
    }
}
