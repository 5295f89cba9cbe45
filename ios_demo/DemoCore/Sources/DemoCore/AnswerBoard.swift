/// What the screen shows of one source: never an old answer beside something newer.
public enum Shown: Sendable {
    case nothing
    case loading
    case answer(LiveResult)
    case failed(String)

    public var result: LiveResult? {
        if case .answer(let result) = self { result } else { nil }
    }
}

/// Holds what each source shows, and takes only answers to what it shows now.
public struct AnswerBoard: Sendable {
    /// Given when a picture is sent for an answer; an answer comes back with it.
    public struct Ticket: Equatable, Sendable {
        fileprivate let source: Source
        fileprivate let generation: Int
    }

    private enum Model { case loading, ready, failed(String) }

    private var model = Model.loading
    private var answers: [Source: Result<LiveResult, BundleError>] = [:]
    private var generations: [Source: Int] = [:]

    public init() {}

    /// A failed or loading model shows as that in every source.
    public subscript(source: Source) -> Shown {
        switch model {
        case .loading: .loading
        case .failed(let reason): .failed(reason)
        case .ready:
            switch answers[source] {
            case .success(let result)?: .answer(result)
            case .failure(let error)?: .failed(error.description)
            case nil: .nothing
            }
        }
    }

    /// Another model was chosen: answers of the one before count no more.
    public mutating func modelChosen() {
        model = .loading
        Source.allCases.forEach { clear($0) }
    }

    public mutating func modelLoaded() {
        model = .ready
    }

    public mutating func modelFailed(_ reason: String) {
        model = .failed(reason)
    }

    /// The source shows another picture, or none: answers to the one before count no more.
    public mutating func clear(_ source: Source) {
        answers[source] = nil
        generations[source, default: 0] += 1
    }

    public func ticket(_ source: Source) -> Ticket {
        Ticket(source: source, generation: generations[source, default: 0])
    }

    /// False, and nothing changes, if the ticket's picture or model is no longer the one shown.
    @discardableResult
    public mutating func show(_ answer: Result<LiveResult, BundleError>, for ticket: Ticket) -> Bool {
        guard ticket == self.ticket(ticket.source) else { return false }
        answers[ticket.source] = answer
        return true
    }
}
