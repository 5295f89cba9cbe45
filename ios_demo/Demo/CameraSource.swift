import AVFoundation
import CoreVideo
import DemoCore

/// The back camera: a session for the preview, and its frames for `onFrame`, on the camera's queue.
final class CameraSource: NSObject, @unchecked Sendable {
    let session = AVCaptureSession()
    private let queue = DispatchQueue(label: "camera")
    private let onFrame: (@escaping @Sendable () -> RGBImage) -> Void

    init(onFrame: @escaping (@escaping @Sendable () -> RGBImage) -> Void) {
        self.onFrame = onFrame
    }

    /// False without a camera or the permission to use it.
    func start() async -> Bool {
        guard await AVCaptureDevice.requestAccess(for: .video) else { return false }
        return await withCheckedContinuation { continuation in
            queue.async { [self] in
                let ready = !session.inputs.isEmpty || configure()
                if ready { session.startRunning() }
                continuation.resume(returning: ready)
            }
        }
    }

    func stop() {
        queue.async { [self] in session.stopRunning() }
    }

    private func configure() -> Bool {
        guard
            let device = AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: .back),
            let input = try? AVCaptureDeviceInput(device: device)
        else { return false }
        let output = AVCaptureVideoDataOutput()
        output.videoSettings = [kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_32BGRA]
        output.alwaysDiscardsLateVideoFrames = true
        output.setSampleBufferDelegate(self, queue: queue)
        session.beginConfiguration()
        defer { session.commitConfiguration() }
        session.sessionPreset = .vga640x480
        guard session.canAddInput(input), session.canAddOutput(output) else { return false }
        session.addInput(input)
        session.addOutput(output)
        // Upright when the phone is held upright, as the screens are.
        if let connection = output.connection(with: .video), connection.isVideoRotationAngleSupported(90) {
            connection.videoRotationAngle = 90
        }
        return true
    }
}

extension CameraSource: AVCaptureVideoDataOutputSampleBufferDelegate {
    func captureOutput(
        _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection
    ) {
        guard let buffer = CMSampleBufferGetImageBuffer(sampleBuffer) else { return }
        let frame = Frame(buffer: buffer)
        onFrame { frame.image() }
    }
}

/// A camera frame that keeps its memory until it was converted.
private struct Frame: @unchecked Sendable {
    let buffer: CVPixelBuffer

    func image() -> RGBImage {
        CVPixelBufferLockBaseAddress(buffer, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
        let (width, height) = (CVPixelBufferGetWidth(buffer), CVPixelBufferGetHeight(buffer))
        let bytesPerRow = CVPixelBufferGetBytesPerRow(buffer)
        let bytes = UnsafeRawBufferPointer(
            start: CVPixelBufferGetBaseAddress(buffer), count: bytesPerRow * height)
        return RGBImage(bgra: bytes, width: width, height: height, bytesPerRow: bytesPerRow)
    }
}
