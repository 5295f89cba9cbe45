import DemoCore
import Foundation

/// Times what the app does with a camera frame before the network, of the camera's usual size and for
/// a usual input, and prints milliseconds: `swift run -c release --package-path ios_demo/ci/bench`.

let (width, height) = (640, 480)
let specText = """
    {"height": 224, "width": 224, "layout": "NCHW", "color": "RGB", "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225], "crop_pct": 0.875, "interpolation": "bicubic", "crop_mode": "center"}
    """
let decoder = JSONDecoder()
decoder.keyDecodingStrategy = .convertFromSnakeCase
let spec = try decoder.decode(InputSpec.self, from: Data(specText.utf8))
let preprocessor = TimmPreprocessor(spec)

var state: UInt64 = 2026
let frame = (0..<4 * width * height).map { _ -> UInt8 in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return UInt8(truncatingIfNeeded: state >> 56)
}

func milliseconds(_ name: String, runs: Int = 60, _ work: () -> Int) {
    var checksum = 0
    let times = (0..<runs).map { _ -> Double in
        let start = DispatchTime.now().uptimeNanoseconds
        checksum &+= work()
        return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6
    }
    guard let statistics = LatencyStatistics(times) else { return }
    print(
        "\(name): fastest \(String(format: "%.2f", times.min() ?? 0)) ms, p50 \(String(format: "%.2f", statistics.p50)) ms, "
            + "p90 \(String(format: "%.2f", statistics.p90)) ms, \(runs) runs, checksum \(checksum)")
}

func converted(_ rotation: Rotation) -> RGBImage {
    frame.withUnsafeBytes {
        RGBImage(bgra: $0, width: width, height: height, bytesPerRow: 4 * width, rotation: rotation)
    }
}

let picture = converted(.none)
for type in [InputType.float32, .uint8, .image] {
    let taken = TensorSpec(name: "", shape: [1, 3, spec.height, spec.width], dtype: type)
    milliseconds("prepare \(width)x\(height) as \(type)") {
        switch taken.of(preprocessor.prepare(picture)) {
        case .values(let floats): Int(floats[0])
        case .pixels(let bytes), .picture(let bytes): Int(bytes[0])
        }
    }
}
milliseconds("convert \(width)x\(height)") { Int(converted(.none).pixels[0]) }
milliseconds("turn \(width)x\(height)") { Int(converted(.quarter).pixels[0]) }
