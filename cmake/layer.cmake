# SPDX-License-Identifier: MIT
# tsp_layer(NAME DIR [LINK lib...]): a static library of the .c files of DIR (not its sub-folders), with the project's
# warnings, linking only the libraries named.
function(tsp_layer name)
    cmake_parse_arguments(A "" "" "LINK;EXCLUDE;SOURCES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    foreach(x ${A_EXCLUDE})
        list(REMOVE_ITEM sources ${CMAKE_CURRENT_SOURCE_DIR}/${x})
    endforeach()
    if(NOT sources AND NOT A_SOURCES)
        return()
    endif()
    add_library(${name} STATIC ${sources} ${A_SOURCES})
    target_link_libraries(${name} PUBLIC tsp_options ${A_LINK})
endfunction()
