import Foundation
import Sinter

/// The pictures of the documentation, each made by running the method that it shows.
struct MethodPictures {
  /// Draws all pictures into a folder, which is made when it is not there.
  static func write(to folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let drawings =
      try vectors.map { ($0.method.declaration.name, try $0.draw()) }
      + histograms.map { ($0.method.declaration.name, try $0.draw()) }
    for (name, canvas) in drawings {
      try Data(canvas.text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).svg"))
    }
  }

  private static let right = [1.2, 0.1]
  private static let middle = [0.85, 0.75]
  private static let up = [0.15, 1.0]

  private static var vectors: [VectorPicture] {
    [
      VectorPicture(
        method: Linear.self, inputs: [right, middle, up], hasBase: false, isRelative: false,
        weights: [0.2, 0.2, 0.6], caption: "weights 0.2, 0.2 and 0.6"),
      VectorPicture(
        method: SLERP.self, inputs: [right, up], hasBase: true, isRelative: false,
        parameters: ["t": .number(0.6)], path: "t", caption: "t: 0.6; dashed: t from 0 to 1"),
      VectorPicture(
        method: NuSLERP.self, inputs: [right, up], hasBase: false, isRelative: false,
        weights: [0.4, 0.6], path: "weight",
        caption: "weights 0.4 and 0.6; dashed: from 1 and 0 to 0 and 1"),
      VectorPicture(
        method: MultiSLERP.self, inputs: [right, middle, up], hasBase: false, isRelative: false,
        weights: [0.2, 0.2, 0.6], caption: "weights 0.2, 0.2 and 0.6"),
      VectorPicture(
        method: Karcher.self, inputs: [right, [0.95, 0.4], up], hasBase: false, isRelative: false,
        caption: "all models count the same"),
      VectorPicture(
        method: TaskArithmetic.self, inputs: [[0.35, 0.25], [1.0, 0.35], [0.45, 0.75]],
        hasBase: true, isRelative: true, weights: [0.8, 0.8], caption: "weights 0.8 and 0.8"),
      VectorPicture(
        method: ModelStock.self,
        inputs: [[0.35, 0.25], [1.15, 0.35], [0.95, 0.95], [0.4, 1.0]],
        hasBase: true, isRelative: true, caption: "as far toward the average as directions agree"),
    ]
  }

  private static var histograms: [HistogramPicture] {
    let half: [String: ParameterValue] = ["density": .number(0.5)]
    let trimmed: [String: ParameterValue] = ["density": .number(0.5), "gamma": .number(0.05)]
    let ranked: [String: ParameterValue] = ["density": .number(0.5), "epsilon": .number(0.4)]
    return [
      HistogramPicture(
        method: TIES.self, models: 2, parameters: half, caption: "two models, density: 0.5"),
      HistogramPicture(
        method: DARELinear.self, models: 1, parameters: half, caption: "one model, density: 0.5"),
      HistogramPicture(
        method: DARETIES.self, models: 2, parameters: half, caption: "two models, density: 0.5"),
      HistogramPicture(
        method: Breadcrumbs.self, models: 1, parameters: trimmed,
        caption: "one model, density: 0.5, gamma: 0.05"),
      HistogramPicture(
        method: BreadcrumbsTIES.self, models: 2, parameters: trimmed,
        caption: "two models, density: 0.5, gamma: 0.05"),
      HistogramPicture(
        method: DELLALinear.self, models: 1, parameters: ranked,
        caption: "one model, density: 0.5, epsilon: 0.4"),
      HistogramPicture(
        method: DELLA.self, models: 2, parameters: ranked,
        caption: "two models, density: 0.5, epsilon: 0.4"),
      HistogramPicture(
        method: SCE.self, models: 2, parameters: ["select_topk": .number(0.5)],
        caption: "two models, select_topk: 0.5"),
      HistogramPicture(
        method: RAM.self, models: 2, parameters: ["epsilon": .number(0.5)],
        caption: "two models, epsilon: 0.5σ"),
      HistogramPicture(
        method: NearSwap.self, models: 1, parameters: ["t": .number(0.8)], caption: "t: 0.8σ"),
      HistogramPicture(
        method: ArceeFusion.self, models: 1, spread: 4, caption: "differences of a quarter of b"),
    ]
  }
}
