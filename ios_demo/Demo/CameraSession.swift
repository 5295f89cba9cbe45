import AVFoundation
import CoreVideo
import DemoCore

/// A camera: a session for the preview at full size, and smaller frames for `onFrame`, on the camera's
/// queue.
final class CameraSession: NSObject, @unchecked Sendable {
    /// Called with how a frame is turned, and what converts it.
    typealias OnFrame = @Sendable (Rotation, @escaping @Sendable () -> RGBImage) -> Void

    // All is touched on `queue` only, but for `rotation`, which has its lock.
    let session = AVCaptureSession()
    private let queue = DispatchQueue(label: "camera")
    private let input: InputSpec
    private let onFrame: OnFrame
    private let lock = NSLock()
    private var rotation = Rotation.none
    private var configured: (position: AVCaptureDevice.Position, format: CameraFormat)?

    /// `input` says how large the frames must be.
    init(input: InputSpec, onFrame: @escaping OnFrame) {
        self.input = input
        self.onFrame = onFrame
    }

    /// How the frames that come from now on stand upright.
    func turn(_ rotation: Rotation) {
        lock.withLock { self.rotation = rotation }
    }

    /// Runs the camera at `position`. Returns the size of its frames; throws what keeps it from running.
    func start(_ position: AVCaptureDevice.Position) async throws -> CameraFormat {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                continuation.resume(
                    with: Result {
                        let format = try configure(position)
                        if !session.isRunning { session.startRunning() }
                        return format
                    })
            }
        }
    }

    func stop() {
        queue.async { [self] in session.stopRunning() }
    }

    private func configure(_ position: AVCaptureDevice.Position) throws -> CameraFormat {
        if let configured, configured.position == position,
            AVCaptureDevice(uniqueID: configured.format.deviceID)?.isConnected == true {
            return configured.format
        }
        configured = nil
        guard let device = AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: position) else {
            throw BundleError("This device has no such camera: pick a photo.")
        }
        let output = try connect(device)
        // The size may be asked for once the camera's own is settled, and must be of its shape.
        let full = CMVideoFormatDescriptionGetDimensions(device.activeFormat.formatDescription)
        let size = FrameSize.fraction(of: (Int(full.width), Int(full.height)), for: input)
        output.videoSettings = Self.pixelFormat.merging(
            [kCVPixelBufferWidthKey as String: size.width, kCVPixelBufferHeightKey as String: size.height]
        ) { $1 }
        let format = CameraFormat(deviceID: device.uniqueID, width: size.width, height: size.height)
        configured = (position, format)
        return format
    }

    private static var pixelFormat: [String: Any] {
        [kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_32BGRA]
    }

    /// The camera in place of an earlier one, at the preview's size, and an output for its frames.
    private func connect(_ device: AVCaptureDevice) throws -> AVCaptureVideoDataOutput {
        let deviceInput = try AVCaptureDeviceInput(device: device)
        session.beginConfiguration()
        defer { session.commitConfiguration() }
        session.inputs.forEach(session.removeInput)
        session.outputs.forEach(session.removeOutput)
        // An earlier camera's preset could keep this one out.
        session.sessionPreset = .high
        guard session.canAddInput(deviceInput) else { throw BundleError("The camera cannot be used.") }
        session.addInput(deviceInput)
        if session.canSetSessionPreset(.hd1920x1080) { session.sessionPreset = .hd1920x1080 }
        let output = AVCaptureVideoDataOutput()
        output.videoSettings = Self.pixelFormat
        output.alwaysDiscardsLateVideoFrames = true
        output.automaticallyConfiguresOutputBufferDimensions = false
        output.deliversPreviewSizedOutputBuffers = false
        output.setSampleBufferDelegate(self, queue: queue)
        guard session.canAddOutput(output) else { throw BundleError("The camera gives no frames.") }
        session.addOutput(output)
        if let connection = output.connection(with: .video) {
            // As the sensor delivers them: turning is done while they are converted, and a selfie is
            // classified as it is.
            if connection.isVideoRotationAngleSupported(0) { connection.videoRotationAngle = 0 }
            if connection.isVideoMirroringSupported {
                connection.automaticallyAdjustsVideoMirroring = false
                connection.isVideoMirrored = false
            }
        }
        return output
    }
}

/// The camera in use, and its frames' size as the sensor delivers them.
struct CameraFormat: Equatable, Sendable {
    let deviceID: String
    let width: Int
    let height: Int
}

extension CameraSession: AVCaptureVideoDataOutputSampleBufferDelegate {
    func captureOutput(
        _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection
    ) {
        guard let buffer = CMSampleBufferGetImageBuffer(sampleBuffer) else { return }
        let frame = Frame(buffer: buffer, rotation: lock.withLock { rotation })
        onFrame(frame.rotation) { frame.image() }
    }
}

/// A camera frame that keeps its memory until it was converted.
private struct Frame: @unchecked Sendable {
    let buffer: CVPixelBuffer
    let rotation: Rotation

    func image() -> RGBImage {
        CVPixelBufferLockBaseAddress(buffer, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
        let (width, height) = (CVPixelBufferGetWidth(buffer), CVPixelBufferGetHeight(buffer))
        let bytesPerRow = CVPixelBufferGetBytesPerRow(buffer)
        let bytes = UnsafeRawBufferPointer(
            start: CVPixelBufferGetBaseAddress(buffer), count: bytesPerRow * height)
        return RGBImage(bgra: bytes, width: width, height: height, bytesPerRow: bytesPerRow, rotation: rotation)
    }
}
