import DemoCore
import Foundation

/// Times what the app does with a camera frame before the network, of the camera's usual size and for
/// a usual input, and with a segmenter's logits after it, and prints milliseconds: `swift run -c release --package-path ios_demo/ci/bench`.

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

/// Of works that take turns, so that what else the machine does meets all of them.
func milliseconds(of works: [(name: String, run: () -> Int)], runs: Int = 60) {
    var checksum = 0
    var times = works.map { _ in [Double]() }
    for _ in 0..<runs {
        for (index, work) in works.enumerated() {
            let start = DispatchTime.now().uptimeNanoseconds
            checksum &+= work.run()
            times[index].append(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6)
        }
    }
    for (work, times) in zip(works, times) {
        guard let statistics = LatencyStatistics(times) else { continue }
        let figures = [times.min() ?? 0, statistics.p50, statistics.p90].map { String(format: "%.2f", $0) }
        print("\(work.name): fastest \(figures[0]) ms, p50 \(figures[1]) ms, p90 \(figures[2]) ms, \(runs) runs")
    }
    print("checksum \(checksum)")
}

func converted(_ rotation: Rotation) -> RGBImage {
    frame.withUnsafeBytes {
        RGBImage(bgra: $0, width: width, height: height, bytesPerRow: 4 * width, rotation: rotation)
    }
}

let picture = converted(.none)
let kinds = [InputType.float32, .uint8, .image]
milliseconds(
    of: kinds.map { kind in
        let taken = TensorSpec(name: "", shape: [1, 3, spec.height, spec.width], dtype: kind)
        let prepare = {
            switch taken.of(preprocessor.prepare(picture)) {
            case .values(let floats): Int(floats[0])
            case .pixels(let bytes), .picture(let bytes): Int(bytes[0])
            }
        }
        return (name: "prepare \(width)x\(height) as \(kind)", run: prepare)
    })
milliseconds(of: [
    (name: "convert \(width)x\(height)", run: { Int(converted(.none).pixels[0]) }),
    (name: "turn \(width)x\(height)", run: { Int(converted(.quarter).pixels[0]) }),
])

// Of torchvision's segmenters, at their usual size: waves, each class's of its own length.
var square = spec
(square.width, square.height) = (520, 520)
let logits = (0..<21 * 65 * 65).map { place -> Float in
    let (index, row, column) = (Double(place / 4225), Double(place % 4225 / 65), Double(place % 65))
    return Float(4 * sin(column * (index + 3) / 29) * cos(row * (index + 5) / 31))
}
let segmenter = try SegmentationDecoder(square, shape: [1, 21, 65, 65])
milliseconds(of: [
    (
        name: "mask 520x520 of 21x65x65 logits",
        run: {
            guard
                let answer = try? segmenter.decode(["logits": logits], of: PictureSize(width: 520, height: 520)),
                case .segmented(let segmented) = answer
            else { return 0 }
            return Int(segmented.mask.classes[0])
        }
    ),
])
