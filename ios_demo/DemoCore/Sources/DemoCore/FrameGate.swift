import Foundation

/// Lets one frame at a time in; those that come meanwhile are dropped, never queued.
public final class FrameGate: @unchecked Sendable {
    // Both are touched under the lock only.
    private var busy = false
    private var droppedFrames = 0
    private let lock = NSLock()

    public init() {}

    public var dropped: Int {
        lock.withLock { droppedFrames }
    }

    /// Whether the frame may come in; who was let in calls `leave` once it is done.
    public func enter() -> Bool {
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
