/// The camera frames' size: the preview runs at full size, the network needs less.
public enum FrameSize {
    /// The smallest whole fraction of `full` (width, height) whose shorter side still covers the
    /// picture before the network's crop, so that nothing is enlarged that the camera could give. Both
    /// sides stay even, as video formats want them.
    public static func fraction(
        of full: (width: Int, height: Int), for input: InputSpec
    ) -> (width: Int, height: Int) {
        let placement = Placement(pictureWidth: full.width, pictureHeight: full.height, input)
        let needed = min(placement.width, placement.height)
        let shorter = min(full.width, full.height)
        let divisor = (1...8).last {
            full.width % (2 * $0) == 0 && full.height % (2 * $0) == 0 && shorter / $0 >= needed
        }
        return (full.width / (divisor ?? 1), full.height / (divisor ?? 1))
    }
}
