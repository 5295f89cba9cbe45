import AVFoundation
import DemoCore
import Observation

/// What the camera is doing, for the screen.
enum CameraState: Equatable {
    case off
    case running
    /// Only Settings can change it.
    case refused
    /// The camera comes back by itself.
    case interrupted(String)
    case failed(String)
}

/// The camera as the screen sees it: whether it runs, and how its frames lie.
@Observable
@MainActor
final class CameraModel {
    private(set) var state = CameraState.off
    /// Nil until the first frame's size is known.
    private(set) var frame: ShownFrame?
    private(set) var position = AVCaptureDevice.Position.back

    @ObservationIgnored let camera: CameraSession
    @ObservationIgnored private weak var preview: AVCaptureVideoPreviewLayer?
    @ObservationIgnored private var format: CameraFormat?
    @ObservationIgnored private var wanted = false
    @ObservationIgnored private var coordinator: AVCaptureDevice.RotationCoordinator?
    @ObservationIgnored private var rotations: [NSKeyValueObservation] = []
    @ObservationIgnored private var observers: [any NSObjectProtocol] = []

    init(input: InputSpec, onFrame: @escaping CameraSession.OnFrame) {
        camera = CameraSession(input: input, onFrame: onFrame)
    }

    func start() async {
        wanted = true
        observe()
        guard await isAllowed() else {
            state = .refused
            return
        }
        do {
            format = try await camera.start(position)
            // The screen may have gone meanwhile.
            guard wanted else { return camera.stop() }
            state = .running
            followRotation()
        } catch {
            state = .failed(BundleError(error).description)
        }
    }

    func stop() {
        wanted = false
        camera.stop()
        state = .off
        observers.forEach(NotificationCenter.default.removeObserver)
        observers = []
        (coordinator, rotations) = (nil, [])
    }

    func switchCamera() async {
        position = position == .back ? .front : .back
        await start()
    }

    /// Called by the preview once its layer is there.
    func attach(_ layer: AVCaptureVideoPreviewLayer) {
        layer.session = camera.session
        layer.videoGravity = .resizeAspect
        preview = layer
        followRotation()
    }

    private func isAllowed() async -> Bool {
        switch AVCaptureDevice.authorizationStatus(for: .video) {
        case .authorized: true
        case .notDetermined: await AVCaptureDevice.requestAccess(for: .video)
        default: false
        }
    }

    /// The system tells how the device is held, and how the screen is turned.
    private func followRotation() {
        guard let format, let preview, let device = AVCaptureDevice(uniqueID: format.deviceID) else { return }
        let coordinator = AVCaptureDevice.RotationCoordinator(device: device, previewLayer: preview)
        self.coordinator = coordinator
        // Its observers are called on the main queue.
        rotations = [
            coordinator.observe(\.videoRotationAngleForHorizonLevelPreview) { [weak self] _, _ in
                MainActor.assumeIsolated { self?.turn() }
            },
            coordinator.observe(\.videoRotationAngleForHorizonLevelCapture) { [weak self] _, _ in
                MainActor.assumeIsolated { self?.turn() }
            },
        ]
        turn()
    }

    private func turn() {
        guard let format, let coordinator, let connection = preview?.connection else { return }
        let angle = coordinator.videoRotationAngleForHorizonLevelPreview
        if connection.isVideoRotationAngleSupported(angle) { connection.videoRotationAngle = angle }
        let upright = Rotation(degrees: coordinator.videoRotationAngleForHorizonLevelCapture)
        camera.turn(upright)
        frame = ShownFrame(
            width: format.width, height: format.height, classified: upright,
            shown: Rotation(degrees: connection.videoRotationAngle), mirrored: connection.isVideoMirrored)
    }

    private func observe() {
        guard observers.isEmpty else { return }
        on(AVCaptureSession.wasInterruptedNotification) { model, reason in
            model.state = .interrupted(Self.words(reason))
        }
        on(AVCaptureSession.interruptionEndedNotification) { model, _ in
            if model.wanted { await model.start() }
        }
        on(AVCaptureSession.runtimeErrorNotification) { model, code in
            if code == AVError.Code.mediaServicesWereReset.rawValue, model.wanted {
                await model.start()
            } else {
                model.state = .failed("The camera stopped with error \(code ?? 0).")
            }
        }
        on(AVCaptureDevice.wasDisconnectedNotification) { model, _ in
            if model.format.map({ AVCaptureDevice(uniqueID: $0.deviceID)?.isConnected != true }) ?? false {
                model.state = .failed("The camera was disconnected.")
            }
        }
        on(AVCaptureDevice.wasConnectedNotification) { model, _ in
            if case .failed = model.state, model.wanted { await model.start() }
        }
    }

    /// `handle` gets the interruption's reason or the error's code, if the notification has one.
    private func on(
        _ name: Notification.Name, handle: @escaping @MainActor @Sendable (CameraModel, Int?) async -> Void
    ) {
        let centre = NotificationCenter.default
        let observer = centre.addObserver(forName: name, object: nil, queue: .main) { [weak self] notification in
            let reason = notification.userInfo?[AVCaptureSessionInterruptionReasonKey] as? Int
            let error = notification.userInfo?[AVCaptureSessionErrorKey] as? NSError
            let number = reason ?? error?.code
            Task { @MainActor in
                if let self { await handle(self, number) }
            }
        }
        observers.append(observer)
    }

    private static func words(_ reason: Int?) -> String {
        switch reason.flatMap(AVCaptureSession.InterruptionReason.init(rawValue:)) {
        case .videoDeviceInUseByAnotherClient: "Another app uses the camera."
        case .videoDeviceNotAvailableWithMultipleForegroundApps: "The camera needs the whole screen."
        case .videoDeviceNotAvailableDueToSystemPressure: "The phone is too hot for its camera."
        default: "The camera is interrupted."
        }
    }
}
