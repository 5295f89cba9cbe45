import Foundation

/// Gives a queue one frame at a time; the frames that come meanwhile are dropped, never queued.
public final class FrameGate: @unchecked Sendable {
    private let queue: DispatchQueue
    private let lock = NSLock()
    private var busy = false
    private var droppedFrames = 0

    public init(queue: DispatchQueue) {
        self.queue = queue
    }

    public var dropped: Int {
        lock.withLock { droppedFrames }
    }

    /// Runs `work` on the queue, or drops it while an earlier one is not done.
    public func submit(_ work: @escaping @Sendable () -> Void) {
        guard enter() else { return }
        queue.async { [self] in
            work()
            lock.withLock { busy = false }
        }
    }

    private func enter() -> Bool {
        lock.withLock {
            if busy { droppedFrames += 1 }
            defer { busy = true }
            return !busy
        }
    }
}
