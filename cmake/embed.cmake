# SPDX-License-Identifier: MIT
# cmake -DOUT=file.c -DFILES=a.csv;b.csv -DNAME=lists -P embed.cmake: the files as C arrays, in struct shipped_list
# shipped_NAME[].
set(text "/* Generated. */\n#include \"cli/formats/shipped.h\"\n\n")
set(table "const struct shipped_list shipped_${NAME}[] = {\n")
set(i 0)
foreach(f ${FILES})
    get_filename_component(name ${f} NAME_WLE)
    file(READ ${f} bytes HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
    string(APPEND text "static const char list${i}[] = {${bytes}0};\n")
    string(APPEND table "    {\"${name}\", list${i}},\n")
    math(EXPR i "${i} + 1")
endforeach()
file(WRITE ${OUT}.tmp "${text}\n${table}    {0, 0},\n};\n")
file(RENAME ${OUT}.tmp ${OUT})
