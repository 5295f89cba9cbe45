import Foundation

/// Lets one frame in at a time; the frames that come meanwhile are dropped, never queued.
public final class FrameGate: @unchecked Sendable {
    private let lock = NSLock()
    private var busy = false
    private var droppedFrames = 0

    public init() {}

    public var dropped: Int {
        lock.withLock { droppedFrames }
    }

    /// True when the frame may be worked on; then `leave()` must follow.
    public func tryEnter() -> Bool {
        lock.withLock {
            if busy { droppedFrames += 1 }
            defer { busy = true }
            return !busy
        }
    }

    public func leave() {
        lock.withLock { busy = false }
    }
}
