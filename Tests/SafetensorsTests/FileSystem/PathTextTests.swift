import Safetensors
import Testing

@Suite struct PathTextTests {
  @Test(arguments: [
    ("a/./b/../c", "a/c"), ("", "."), (".", "."), ("a/..", "."), ("..", ".."),
    ("../../a", "../../a"),
    ("a/../../b", "../b"), ("/", "/"), ("/..", "/"), ("/../a", "/a"), ("//a///b/", "/a/b"),
    ("a/b/", "a/b"), ("./a", "a"), ("...", "..."), ("/a/./", "/a"),
  ])
  func normalized(_ path: String, _ expected: String) {
    #expect(PathText.normalized(path) == expected)
  }

  @Test(arguments: [
    ("a", "b", "a/b"), ("a/", "b", "a/b"), ("", "b", "b"), ("/", "b", "/b"), ("a", "/b", "/b"),
    ("a", "\u{301}b", "a/\u{301}b"),
  ])
  func join(_ folder: String, _ name: String, _ expected: String) {
    #expect(Array(PathText.join(folder, name).utf8) == Array(expected.utf8))
  }

  @Test(arguments: [
    ("a/b", "a", "b"), ("a", ".", "a"), ("/a", "/", "a"), ("/", "/", ""), ("a/b//", "a", "b"),
    ("a//b", "a", "b"), ("/a/b/c", "/a/b", "c"), ("", ".", ""),
  ])
  func parts(_ path: String, _ parent: String, _ last: String) {
    #expect(PathText.parent(path) == parent)
    #expect(PathText.lastComponent(path) == last)
  }

  @Test(arguments: [
    ("", "the name is empty"), ("/etc/passwd", "the path is absolute"),
    ("../evil", "the path leaves its folder"), ("a/../b", "the path leaves its folder"),
    ("a/..", "the path leaves its folder"), ("a\0b", "the name holds a NUL"),
    ("a/", "the path names no file"), (".", "the path names no file"),
    ("/\u{301}a", "the path is absolute"), ("../\u{301}a", "the path leaves its folder"),
  ])
  func `names that leave their folder have a fault`(_ name: String, _ fault: String) {
    #expect(PathText.fault(inName: name) == fault)
  }

  @Test(arguments: ["a", "model-00001-of-00002.safetensors", "unet/a", "..a", "a..", "./a", "é"])
  func `names that stay have none`(_ name: String) {
    #expect(PathText.fault(inName: name) == nil)
  }
}
