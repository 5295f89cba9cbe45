import DemoCore
import SwiftUI

/// What was found, with colours and scores.
struct DetectionsView: View {
    let found: [Detection]
    let label: (Int) -> String

    private static let longest = 20

    var body: some View {
        VStack(alignment: .leading, spacing: 4) {
            Text(headline)
                .font(.headline)
                .lineLimit(1)
            ForEach(found.prefix(Self.longest).indices, id: \.self) { index in
                PartRow(
                    name: label(found[index].classIndex), part: Double(found[index].score),
                    colour: Color(ClassColour(object: found[index].classIndex)))
            }
        }
    }

    /// How many of each class, in the order of their best.
    private var headline: String {
        var classes: [Int] = []
        for detection in found where !classes.contains(detection.classIndex) { classes.append(detection.classIndex) }
        let counted = classes.map { classIndex in
            "\(found.filter { $0.classIndex == classIndex }.count) \(label(classIndex))"
        }
        return counted.isEmpty ? "Nothing found" : counted.joined(separator: ", ")
    }
}
