# Writes OUTPUT: a C++ file with the text of every SOURCE_DIR/*.nn, for standard_library.h.
file(GLOB files ${SOURCE_DIR}/*.nn)
list(SORT files)
set(text "#include \"frontend/standard_library.h\"\n\nnamespace striate {\n\nconst std::vector<StandardFile>& standard_library() {\n  static const std::vector<StandardFile> files = {\n")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  file(READ ${file} content HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" content "${content}")
  # Adjacent literals of at most 16 lines' worth each: compilers limit the length of one literal.
  string(REGEX REPLACE "((\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f]))" "\\1\"\n\"" content "${content}")
  string(APPEND text "{\"std/${name}\", \"${content}\"},\n")
endforeach()
string(APPEND text "  };\n  return files;\n}\n\n} // namespace striate\n")
file(WRITE ${OUTPUT} "${text}")
