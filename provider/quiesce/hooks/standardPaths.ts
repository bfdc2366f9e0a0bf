/** Where administrators have their scripts already: the paths of VMware's and NAKIVO's tools. */
export const defaultScripts = {
    preFreeze: "/usr/sbin/pre-freeze-script",
    postThaw: "/usr/sbin/post-thaw-script",
};
