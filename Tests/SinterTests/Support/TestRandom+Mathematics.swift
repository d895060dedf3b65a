import Foundation

extension TestRandom {
  func logarithm(_ value: Double) -> Double { Foundation.log(value) }
  func cosine(_ value: Double) -> Double { Foundation.cos(value) }
}
